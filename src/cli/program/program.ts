/** The command line as Commander reads it: its help, and what is wrong with it. */
import { type Command, CommanderError } from "commander";
import { version } from "../../installation.ts";
import { exitCodes } from "../cli-error.ts";
import { commands } from "../commands.ts";
import { programItself } from "../reference/tree.ts";
import { tell } from "./tell.ts";

const teaching = `
First steps:
  muxguard init                           set it up: shows each change before it makes it
  muxguard run -- ssh host                one command, guarded: asks before a key is used
  muxguard run --scope agent -- CMD       a program with rules of its own (scope = "agent")
  muxguard log                            what was asked for, and what was decided

Rules go into ~/.config/muxguard/policy.toml; the first that matches wins:
  [[rule]]
  name   = "git at github"
  host   = "github.com"
  user   = "git"
  action = "allow"                        # allow | deny | ask; without a rule: ask

For a whole login session:
  muxguard daemon; eval "$(muxguard env)" # or, at each login: muxguard install-service
`;

/** Does what the command line says. @returns the exit code where there is nothing to do but to say something */
export async function runCommandLine(argv: readonly string[]): Promise<number | undefined> {
  try {
    const program = createProgram(argv[2]);
    if (argv.length === 2) program.outputHelp();
    else await program.parseAsync(argv);
    return undefined;
  } catch (error) {
    // it has printed what was wrong with the arguments, or the help that was asked for
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    throw error;
  }
}

/** @param named the command that is used, if it is one: the others are then not needed for help or advice */
function createProgram(named: string | undefined): Command {
  const program = programItself()
    .version(version(), "-V, --version")
    .exitOverride()
    // what was typed is in its words
    .configureOutput({ writeErr: (text) => tell(text.trimEnd()) })
    .addHelpText("after", teaching);
  const names = Object.keys(commands);
  const needed = named !== undefined && names.includes(named) ? [named] : names;
  for (const name of needed) commands[name]?.(program.command(name));
  return program;
}

/** The command line: its help, and the one place where an error becomes a line and an exit code. */
import { type Command, CommanderError } from "commander";
import { messageOf } from "../errors.ts";
import { endOnFaults } from "../faults.ts";
import { version } from "../installation.ts";
import { ignoreDebuggerSignal } from "../platform/proc/debugger-signal.ts";
import { SettingsError } from "../settings/settings-error.ts";
import { toStderr } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { commands } from "./commands.ts";
import { programItself } from "./reference/tree.ts";

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

/** What a guard believes, or asks on its terminal. What is inside of a run must not steer it. */
const answering = new Set([
  ...["init", "suggest"],
  ...["approve", "deny", "watch", "unlock", "lock", "forget", "open", "close", "adopt", "upstream"],
]);

/** The same of `muxguard policy`. */
const changing = new Set(["add", "edit", "remove"]);

ignoreDebuggerSignal();
endOnFaults("muxguard");
// a guard must outlive the terminal, or the pipe, that it reports to
process.stderr.on("error", () => {});
// nobody reads on, as in `muxguard log | head`; what has no place to go is told
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (process.stdout.listenerCount("error") > 1) return; // a command that has to clear up ends by itself
  if (error.code !== "EPIPE") toStderr(`muxguard: stdout: ${error.message}`);
  process.exit(error.code === "EPIPE" ? 0 : 1);
});
void main();

async function main(): Promise<void> {
  try {
    const program = createProgram(process.argv[2]);
    const [, , name = "", inner = ""] = process.argv;
    if (answering.has(name) || (name === "policy" && changing.has(inner))) await protect();
    if (process.argv.length === 2) program.outputHelp();
    else await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

/**
 * As early as can be. `run` and `daemon` do it by themselves. Its executable can't be seen from then on: a question
 * of its own, as that of `open`, has its name instead.
 */
async function protect(): Promise<void> {
  const [{ protectProcess }, { setProcessName }] = await Promise.all([
    import("../platform/proc/protect.ts"),
    import("../platform/libc/process.ts"),
  ]);
  protectProcess();
  setProcessName("muxguard");
}

/** The one place where an error becomes a line and an exit code. */
function exitCodeOf(error: unknown): number {
  // commander has printed what was wrong with the arguments, or the help that was asked for
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const lines = error instanceof SettingsError ? error.faults : [messageOf(error)];
  for (const text of lines) tell(`muxguard: ${text}`);
  if (error instanceof CliError) return error.exitCode;
  return error instanceof SettingsError ? exitCodes.settings : 1;
}

/** What ssh said has several lines, and so may what was typed: none of them may pass for one of ours. */
function tell(text: string): void {
  for (const [at, line] of text.split("\n").entries()) toStderr(at === 0 ? line : `  ${line}`);
}

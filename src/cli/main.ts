/**
 * The command line: what there is, in the order in which one meets it. Each command is a file of its own,
 * loaded when it is used.
 */
import { Command, CommanderError } from "commander";
import { messageOf } from "../errors.ts";
import { version } from "../installation.ts";
import { ignoreDebuggerSignal } from "../platform/proc/debugger-signal.ts";
import { SettingsError } from "../settings/settings-error.ts";
import type { ApproveOptions } from "./answer.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import type { RunOptions } from "./run/run.ts";

const teaching = `
First steps:
  muxguard run -- ssh host                one command, guarded: asks before a key is used
  muxguard run --scope agent -- CMD       a program with rules of its own (scope = "agent")
  muxguard log                            what was asked for, and what was decided

Rules go into ~/.config/muxguard/policy.toml; the first that matches wins:
  [[rule]]
  name   = "fetching from github"
  host   = "github.com"
  user   = "git"
  action = "allow"                        # allow | deny | ask; without a rule: ask

For a whole login session:
  muxguard daemon; eval "$(muxguard env)"
`;

function createProgram(): Command {
  const program = new Command("muxguard")
    .description("sudoers for SSH keys: asks, or answers from a policy, before a key is used")
    .enablePositionalOptions()
    .version(version(), "-V, --version")
    .exitOverride()
    .addHelpText("after", teaching);
  program
    .command("run")
    .description("run a command with a guarded ssh-agent")
    .passThroughOptions()
    .option("--policy <file>", "use this policy instead of your own")
    .option("--scope <name>", "the name of the run in rules; default: the command's name")
    .option("--upstream <socket>", "the agent that holds the keys; default: SSH_AUTH_SOCK")
    .option(
      "--ride",
      "no keys and no connection of its own: its ssh rides on connections that the guard opens",
    )
    .argument("<command...>", "the command and its arguments")
    .action(async (command: string[], options: RunOptions) => {
      const { run } = await import("./run/run.ts");
      process.exitCode = await run(command, options);
    });
  program
    .command("daemon")
    .description("guard the agent of the login session, in the background")
    .option("-D, --foreground", "stay in the foreground, and tell of denials on stderr")
    .action(async (options: { foreground?: boolean }) => (await import("./daemon.ts")).daemon(options));
  program
    .command("env")
    .description('print the daemon\'s SSH_AUTH_SOCK for a shell: eval "$(muxguard env)"')
    .option("-s, --sh", "for sh, bash and zsh")
    .option("-c, --csh", "for csh and tcsh")
    .option("-f, --fish", "for fish")
    .action(async (options: { sh?: boolean; csh?: boolean; fish?: boolean }) =>
      (await import("./env.ts")).env(options),
    );
  program
    .command("open")
    .description(
      "log in to a host once, and keep a connection that only the guard can reach; plain ssh then rides on it",
    )
    .passThroughOptions()
    .option("--control-path <path>", "where ssh finds it; default: the ControlPath of the ssh configuration")
    .argument("<host>")
    .argument("[options...]", "options for ssh")
    .action(async (host: string, options: string[], { controlPath }: { controlPath?: string }) =>
      (await import("./open.ts")).open(host, options, controlPath),
    );
  program
    .command("close")
    .description("end a connection that muxguard open made, with all its sessions")
    .argument("<host>", "the host, or the control path")
    .action(async (host: string) => (await import("./open.ts")).close(host));
  program
    .command("adopt")
    .description(
      "guard a connection that ssh has made itself (ControlMaster), or all of a folder and what comes there",
    )
    .argument("<path>", "a control socket, or a folder")
    .action(async (path: string) => (await import("./open.ts")).adopt(path));
  program
    .command("status")
    .description("whether a daemon runs, and what it guards")
    .action(async () => (await import("./status.ts")).status());
  program
    .command("pending")
    .description("the questions that wait for an answer")
    .option("--json", "one JSON object a line")
    .action(async (options: { json?: boolean }) => (await import("./pending.ts")).pending(options));
  program
    .command("approve")
    .description(
      "answer a question with yes; the beginning of its id is enough. Without an option it is remembered " +
        "for the time that remember in config.toml gives (10 minutes), or not at all if that file says " +
        'yes = "once"; muxguard pending says which',
    )
    .argument("<id>")
    .option("--once", "for this request alone")
    .option("--for <duration>", 'remember it, at most as long as the rule allows: "10m", "2h"')
    .option("--run", "remember it until the run ends")
    .option("--session", "outside of runs: remember it until the login session ends")
    .option("--host <name>", "of several hosts that the question lists, this one alone")
    .option("--always", "write a rule to approved.toml that matches this alone")
    .action(async (id: string, options: ApproveOptions) =>
      (await import("./answer.ts")).approve(id, options),
    );
  program
    .command("deny")
    .description("answer a question with no")
    .argument("<id>")
    .option("--host <name>", "of several hosts that the question lists, this one alone")
    .option("--for <duration>", 'deny the same without asking for so long: "10m", "2h"')
    .action(async (id: string, options: ApproveOptions) => (await import("./answer.ts")).deny(id, options));
  program
    .command("grants")
    .description("the answers that are remembered")
    .option("--json", "one JSON object a line")
    .action(async (options: { json?: boolean }) => (await import("./remembered.ts")).grants(options));
  program
    .command("forget")
    .description("forget a remembered answer, so that it is asked again; the beginning of its id is enough")
    .argument("[id]")
    .option("--all", "all of them")
    .action(async (id: string | undefined, options: { all?: boolean }) =>
      (await import("./remembered.ts")).forget(id, options),
    );
  program
    .command("lock")
    .description("deny everything, and forget all answers")
    .action(async () => (await import("./lock.ts")).lock(true));
  program
    .command("unlock")
    .description("end muxguard lock")
    .action(async () => (await import("./lock.ts")).lock(false));
  program
    .command("log")
    .description("what was asked for, and what was decided")
    .option("-f, --follow", "go on with what comes")
    .option("--json", "one JSON object a line, as it is in the file")
    .option("--since <when>", 'a time ("2026-11-22T10:00") or how long ago ("2h")')
    .action(async (options: { follow?: boolean; json?: boolean; since?: string }) =>
      (await import("./log.ts")).log(options),
    );
  program
    .command("watch")
    .description("the questions that wait, on the whole screen, to be answered by key, and what is decided")
    .action(async () => (await import("./watch/watch.ts")).watch());
  program
    .command("demo")
    .description("show the main job: a throwaway server, key and agent, and ssh through the guard")
    .action(async () => (await import("../demo/demo.ts")).demo());
  return program;
}

ignoreDebuggerSignal();
// a guard must outlive the terminal, or the pipe, that it reports to
process.stderr.on("error", () => {});
// nobody reads on, as in `muxguard log | head`; what has no place to go is told
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (process.stdout.listenerCount("error") > 1) return; // a command that has to clear up ends by itself
  if (error.code !== "EPIPE") process.stderr.write(`muxguard: stdout: ${error.message}\n`);
  process.exit(error.code === "EPIPE" ? 0 : 1);
});
void main();

async function main(): Promise<void> {
  try {
    const program = createProgram();
    if (process.argv.length === 2) program.outputHelp();
    else await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

/** The one place where an error becomes a line and an exit code. */
function exitCodeOf(error: unknown): number {
  // commander has printed what was wrong with the arguments, or the help that was asked for
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  const message = messageOf(error);
  process.stderr.write(`muxguard: ${message}\n`);
  if (error instanceof CliError) return error.exitCode;
  return error instanceof SettingsError ? exitCodes.settings : 1;
}

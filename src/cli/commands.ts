/**
 * The commands: what there is, in the order in which one meets it. Each is a file of its own, loaded when it is
 * used.
 */
import type { Command } from "commander";
import type { ApproveOptions } from "./answer.ts";
import type { EnvOptions } from "./env.ts";
import { fleetCommand } from "./fleet/command.ts";
import { logCommand } from "./log/command.ts";
import { policyCommand } from "./policy/command.ts";
import type { RunOptions } from "./run/run.ts";
import { daemonCommand } from "./service/command.ts";
import type { InstallOptions } from "./service/install.ts";
import type { InitOptions } from "./setup/init.ts";

/** By name; each gives a command its words, its options and what it does. */
export const commands: Readonly<Record<string, (command: Command) => Command>> = {
  run: (command) =>
    command
      .description("run a command with a guarded ssh-agent")
      .passThroughOptions()
      .option("--policy <file>", "use this policy instead of your own")
      .option(
        "--scope <name>",
        "the name of the run in rules, with what [scope.NAME] of config.toml says; default: the command's name",
      )
      .option("--upstream <socket>", "the agent that holds the keys; default: SSH_AUTH_SOCK")
      .option(
        "--ride",
        "no keys and no connection of its own: its ssh rides on connections that the guard opens",
      )
      .option(
        "--confine",
        "keep its programs from keys, agents, processes and the desktop: bubblewrap; --ride does",
      )
      .option("--no-confine", "not so, although it rides or its scope says so")
      .option("--why <text>", "what it is for: shown as claimed in each of its questions; or MUXGUARD_REASON")
      .option("--show", "say what a confined run would find, and start nothing")
      .argument("[command...]", "the command and its arguments")
      .action(async (words: string[], options: RunOptions) => {
        // as Commander says it where an argument is required
        if (words.length === 0 && !options.show) command.error("error: missing required argument 'command'");
        const { run } = await import("./run/run.ts");
        process.exitCode = await run(words, options);
      }),
  init: (command) =>
    command
      .description(
        "set muxguard up: look at what is there, propose, show each change as a diff, make it; can be undone",
      )
      .option("-y, --yes", "ask nothing, and take what is proposed")
      .option("-n, --dry-run", "show what would change, and change nothing")
      .option("--undo", "take the changes back, to the byte")
      .action(async (options: InitOptions) => {
        process.exitCode = await (await import("./setup/init.ts")).init(options);
      }),
  daemon: daemonCommand,
  env: (command) =>
    command
      .description('print the daemon\'s SSH_AUTH_SOCK for a shell; in an rc file: eval "$(muxguard-env)"')
      .option("-s, --sh", "for sh, bash and zsh")
      .option("-c, --csh", "for csh and tcsh")
      .option("-f, --fish", "for fish")
      .option("--shell <name>", "for the shell of that name; default: SHELL")
      .option(
        "-q, --quiet",
        "say nothing of what is wrong: no daemon (exit code 1), or nobody who can be asked",
      )
      .action(async (options: EnvOptions) => (await import("./env.ts")).env(options)),
  "install-service": (command) =>
    command
      .description("start the daemon with the login session, when it is first used: a systemd user unit")
      .option("--uninstall", "remove what it has installed")
      .option("--dry-run", "show what it would do, and do nothing")
      .action(async (options: InstallOptions) =>
        (await import("./service/install.ts")).installService(options),
      ),
  open: (command) =>
    command
      .description(
        "log in to a host once, and keep a connection that only the guard can reach; plain ssh then rides on it",
      )
      .passThroughOptions()
      .option(
        "--control-path <path>",
        "where ssh finds it; default: the ControlPath of the ssh configuration",
      )
      .argument("<host>")
      .argument("[options...]", "options for ssh")
      .action(async (host: string, options: string[], { controlPath }: { controlPath?: string }) =>
        (await import("./open.ts")).open(host, options, controlPath),
      ),
  close: (command) =>
    command
      .description("end a connection that muxguard open made, with all its sessions")
      .argument("<host>", "the host, or the control path")
      .action(async (host: string) => (await import("./open.ts")).close(host)),
  adopt: (command) =>
    command
      .description(
        "guard a connection that ssh has made itself (ControlMaster), or all of a folder and what comes there",
      )
      .argument("<path>", "a control socket, or a folder")
      .action(async (path: string) => (await import("./open.ts")).adopt(path)),
  status: (command) =>
    command
      .description("whether a daemon runs, and what it guards; exit code 3 where none does")
      .option("--json", "one JSON object")
      .action(async (options: { json?: boolean }) => {
        process.exitCode = await (await import("./status.ts")).status(options);
      }),
  upstream: (command) =>
    command
      .description("which agent holds the daemon's keys; with a socket, point the daemon to that one")
      .argument("[socket]")
      .action(async (socket: string | undefined) => (await import("./upstream.ts")).upstream(socket)),
  pending: (command) =>
    command
      .description("the questions that wait for an answer")
      .option("--json", "one JSON object a line")
      .action(async (options: { json?: boolean }) => (await import("./pending.ts")).pending(options)),
  approve: (command) =>
    command
      .description(
        "answer a question with yes; the beginning of its id is enough, and none is needed if one waits. " +
          "Without an option it is remembered while what it is for lasts, for a time where its rule gives one " +
          'or config.toml says yes = "remember", or not at all with yes = "once"; muxguard pending says which',
      )
      .argument("[id]")
      .option("--once", "for this request alone")
      .option("--for <duration>", 'remember it, at most as long as the rule allows: "10m", "2h"')
      .option("--lasting", "remember it while its connection lasts, or its terminal is open")
      .option("--run", "remember it until the run ends")
      .option("--session", "outside of runs: remember it until the login session ends")
      .option("--host <name>", "of several hosts that the question lists, this one alone")
      .option("--always", "write a rule to approved.toml that matches this alone")
      .action(async (id: string | undefined, options: ApproveOptions) =>
        (await import("./answer.ts")).approve(id, options),
      ),
  deny: (command) =>
    command
      .description("answer a question with no; the beginning of its id is enough, or none if one waits")
      .argument("[id]")
      .option("--host <name>", "of several hosts that the question lists, this one alone")
      .option("--for <duration>", 'deny the same without asking for so long: "10m", "2h"')
      .option("--note <text>", "what its user is told with the denial")
      .action(async (id: string | undefined, options: ApproveOptions) =>
        (await import("./answer.ts")).deny(id, options),
      ),
  policy: policyCommand,
  grants: (command) =>
    command
      .description('the answers that are remembered, and the rules that "allow always" wrote')
      .option("--json", "one JSON object a line")
      .action(async (options: { json?: boolean }) => (await import("./remembered.ts")).grants(options)),
  forget: (command) =>
    command
      .description(
        "forget a remembered answer, or a rule of approved.toml, so that it is asked again; the beginning of " +
          "its id is enough",
      )
      .argument("[id]")
      .option("--all", "all answers; rules of approved.toml stay")
      .action(async (id: string | undefined, options: { all?: boolean }) =>
        (await import("./remembered.ts")).forget(id, options),
      ),
  suggest: (command) =>
    command
      .description(
        "rules that would have answered what you were asked, by the log; what you pick is written to approved.toml",
      )
      .option("--json", "one JSON object a line, and nothing is picked")
      .option("--since <when>", 'a time ("2026-11-22T10:00") or how long ago ("7d"); default: the whole log')
      .action(async (options: { json?: boolean; since?: string }) =>
        (await import("./suggest.ts")).suggestRules(options),
      ),
  lock: (command) =>
    command
      .description("deny everything, and forget all answers")
      .action(async () => (await import("./lock.ts")).lock(true)),
  unlock: (command) =>
    command.description("end muxguard lock").action(async () => (await import("./lock.ts")).lock(false)),
  log: logCommand,
  watch: (command) =>
    command
      .description("the questions that wait, on the whole screen, to be answered by key, and what is decided")
      .option("--fleet", "those of other machines too, which config.toml lets you answer")
      .action(async (options: { fleet?: boolean }) => (await import("./watch/watch.ts")).watch(options)),
  fleet: fleetCommand,
  doctor: (command) =>
    command
      .description(
        "what makes the guard moot or brittle, each with its mend; exit code 1 where something is to be mended",
      )
      .option("--json", "one JSON object a line")
      .action(async (options: { json?: boolean }) => {
        process.exitCode = await (await import("./doctor/doctor.ts")).doctor(options);
      }),
  completion: (command) =>
    command
      .description("a script that completes commands, hosts, rules and ids; in an rc file, or sourced")
      .argument("[shell]", "bash, zsh or fish; what the scripts ask for is: words")
      .argument("[words...]")
      .passThroughOptions()
      .allowUnknownOption()
      .action(async (shell: string | undefined, words: string[]) => {
        const { completion } = await import("./reference/completion.ts");
        const { commandTree } = await import("./reference/tree.ts");
        await completion(shell, words, commandTree(commands));
      }),
  demo: (command) =>
    command
      .description("show the main job: a throwaway server, key and agent, and ssh through the guard")
      .action(async () => (await import("../demo/demo.ts")).demo()),
};

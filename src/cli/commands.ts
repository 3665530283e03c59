/**
 * The commands: what there is, in the order in which one meets it. Each is a file of its own, loaded when it is
 * used.
 */
import { Command } from "commander";
import type { ApproveOptions } from "./answer.ts";
import type { RunOptions } from "./run/run.ts";
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
  daemon: (command) =>
    command
      .description("guard the agent of the login session, in the background")
      .option("-D, --foreground", "stay in the foreground, and tell of denials on stderr")
      .action(async (options: { foreground?: boolean }) => (await import("./daemon.ts")).daemon(options)),
  env: (command) =>
    command
      .description('print the daemon\'s SSH_AUTH_SOCK for a shell: eval "$(muxguard env)"')
      .option("-s, --sh", "for sh, bash and zsh")
      .option("-c, --csh", "for csh and tcsh")
      .option("-f, --fish", "for fish")
      .action(async (options: { sh?: boolean; csh?: boolean; fish?: boolean }) =>
        (await import("./env.ts")).env(options),
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
      .description("whether a daemon runs, and what it guards")
      .action(async () => (await import("./status.ts")).status()),
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
  policy: (command) =>
    command.description("look at the policy").addCommand(
      new Command("check")
        .description("all mistakes of the settings, what can never match, and what is asked about in doubt")
        .argument("[files...]", "a policy of its own; default: your own settings")
        .action(async (files: string[]) => {
          process.exitCode = (await import("./policy.ts")).policyCheck(files);
        }),
    ),
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
  log: (command) =>
    command
      .description("what was asked for, and what was decided")
      .option("-f, --follow", "go on with what comes")
      .option("--json", "one JSON object a line, as it is in the file")
      .option("--since <when>", 'a time ("2026-11-22T10:00") or how long ago ("2h")')
      .action(async (options: { follow?: boolean; json?: boolean; since?: string }) =>
        (await import("./log.ts")).log(options),
      ),
  watch: (command) =>
    command
      .description("the questions that wait, on the whole screen, to be answered by key, and what is decided")
      .action(async () => (await import("./watch/watch.ts")).watch()),
  demo: (command) =>
    command
      .description("show the main job: a throwaway server, key and agent, and ssh through the guard")
      .action(async () => (await import("../demo/demo.ts")).demo()),
};

/** `muxguard daemon`, and what is done with one that runs. */
import type { Command } from "commander";

/** Inner commands are made by the outer one: so they end as it does on wrong usage. */
export function daemonCommand(command: Command): Command {
  command
    .description("guard the agent of the login session, in the background")
    .option("-D, --foreground", "stay in the foreground, and tell of denials on stderr")
    .action(async (options: { foreground?: boolean }) => (await import("../daemon.ts")).daemon(options));
  command
    .command("stop")
    .description("end the daemon that runs, with the connections that it holds, and wait for its end")
    .action(async () => (await import("./control.ts")).stopDaemon());
  command
    .command("restart")
    .description("start it anew, with the options and the environment that it has")
    .action(async () => (await import("./control.ts")).restartDaemon());
  command
    .command("reload")
    .description("have it read config.toml and the policy anew, and say what is wrong with them")
    .action(async () => (await import("./control.ts")).reloadDaemon());
  return command;
}

/** `muxguard fleet` and what belongs to it. Each is a file of its own, loaded when it is used. */
import type { Command } from "commander";
import type { FleetInitOptions } from "./init.ts";

export function fleetCommand(command: Command): Command {
  command.description("join guards of several machines: one place to answer, over a NATS server");
  command
    .command("init")
    .description("write the configuration of a server, and a folder for each machine and person to join with")
    .argument("<folder>", "where; it must not be there yet")
    .requiredOption("--machine <name...>", "the machines: a word for each")
    .option("--person <name=key.pub...>", "who may answer, each with a public key")
    .option("--host <name>", "the name by which machines reach the server", "localhost")
    .option("--port <number>", "where it listens", "4222")
    .option("--no-tls", "no certificate, and no TLS: for a network that is encrypted already")
    .action(async (folder: string, options: FleetInitOptions) =>
      (await import("./init.ts")).fleetInit(folder, options),
    );
  command
    .command("join")
    .description("take up what fleet init wrote for this machine, and for its person, into config.toml")
    .argument("<folder...>", "machine-NAME, person-NAME")
    .action(async (folders: string[]) => (await import("./join.ts")).fleetJoin(folders));
  return command;
}

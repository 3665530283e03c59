/** `muxguard fleet` and what belongs to it. Each is a file of its own, loaded when it is used. */
import type { Command } from "commander";
import type { Newcomers } from "./folders.ts";
import type { FleetInitOptions } from "./init.ts";
import type { SignOptions } from "./state.ts";

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
    .command("add")
    .description("write the same for more machines and persons of a fleet")
    .argument("<folder>", "the one that fleet init wrote")
    .option("--machine <name...>", "the machines: a word for each")
    .option("--person <name=key.pub...>", "who may answer, each with a public key")
    .action(async (folder: string, options: Newcomers) =>
      (await import("./add.ts")).fleetAdd(folder, options),
    );
  command
    .command("join")
    .description("take up what fleet init wrote for this machine, and for its person, into config.toml")
    .argument("<folder...>", "machine-NAME, person-NAME")
    .action(async (folders: string[]) => (await import("./join.ts")).fleetJoin(folders));
  command
    .command("leave")
    .description("undo join: take [fleet] out of config.toml, and remove this machine's keys to it")
    .action(async () => (await import("./leave.ts")).fleetLeave());
  command
    .command("policy")
    .description("a policy for all machines, before their own")
    .command("push")
    .description("sign a policy, and have all machines take it up")
    .argument("<file>", "as policy.toml")
    .option("--sign <key>", "the public key that your agent signs with; default: person_key of config.toml")
    .option("--expires <duration>", "from then on what it allows is asked; default: 30d")
    .action(async (file: string, options: SignOptions & { expires?: string }) =>
      (await import("./state.ts")).pushPolicy(file, options),
    );
  command
    .command("revoke")
    .description("deny a key, a host or a machine everywhere, end what was allowed and the connections there")
    .argument("<name>", "SHA256:FINGERPRINT of a key, or a host; with --machine, a machine")
    .option("--machine", "it is a machine: it denies everything, and its answers count nowhere")
    .option("--lift", "take it back")
    .option("--sign <key>", "the public key that your agent signs with; default: person_key of config.toml")
    .action(async (name: string, options: SignOptions & { machine?: boolean; lift?: boolean }) =>
      (await import("./state.ts")).revoke(name, options),
    );
  return command;
}

/** All commands with their words, as they are for help: nothing of them is done. */
import { Command } from "commander";

/** Before it has any command. */
export function programItself(): Command {
  return new Command("muxguard")
    .enablePositionalOptions()
    .description("sudoers for SSH keys: asks, or answers from a policy, before a key is used");
}

/** @param commands by name; each gives a command its words */
export function commandTree(commands: Readonly<Record<string, (command: Command) => Command>>): Command {
  const program = programItself();
  program.helpOption("-h, --help", "say how it is used").option("-V, --version", "print the version");
  for (const [name, describe] of Object.entries(commands)) describe(program.command(name));
  return program;
}

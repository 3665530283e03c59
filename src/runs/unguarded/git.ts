/**
 * core.sshCommand with an ssh by its full path passes by what leads a run's ssh to the guard. ssh_config, or an
 * option there, may then name another agent. In a ride it counts for nothing: GIT_SSH_COMMAND comes first.
 */
import { parseConfigLine, readWords } from "../../identity/ssh/words.ts";
import { splitArguments } from "../../identity/ssh-config/line.ts";
import { type Mention, readMentions } from "../../identity/ssh-config/mentions.ts";
import { visible } from "../../policy/visible.ts";
import { type SshCommand, sshCommands } from "./git-config.ts";
import { namesOtherAgent, passingAgents, sshConfigKeywords } from "./ssh-config.ts";
import { type Way, type WayFacts, wayOf } from "./way.ts";

export function gitWays(mentions: readonly Mention[], facts: WayFacts): Way[] {
  if (facts.ride || facts.environment.GIT_SSH_COMMAND) return [];
  return sshCommands(facts.folder, facts.environment)
    .filter((command) => asksAnother(command, mentions, facts))
    .map(({ file, line }) =>
      wayOf(
        `git ${file}:${line}`,
        `${visible(file)}:${line}: core.sshCommand calls ssh by its full path: in a run it asks another agent ` +
          "(IdentityAgent) and not the guard",
        "write ssh without the path, and its options as they are",
      ),
    );
}

function asksAnother({ value }: SshCommand, mentions: readonly Mention[], facts: WayFacts): boolean {
  const words = splitArguments(value, false) ?? [];
  const program = words.findIndex((word) => /\/ssh$/.test(word));
  if (program < 0) return false;
  const { options } = readWords(words.slice(program));
  const said = options.flatMap(({ letter, argument = "" }) =>
    letter === "o" ? (parseConfigLine(argument) ?? []) : [],
  );
  const own = said.find(({ keyword }) => keyword === "identityagent");
  if (own) return namesOtherAgent(own.rest, facts);
  const file = options.findLast(({ letter }) => letter === "F")?.argument;
  const read = file === undefined ? mentions : readMentions(sshConfigKeywords, file);
  return passingAgents(read, facts).length > 0;
}

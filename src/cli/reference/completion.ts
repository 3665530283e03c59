/**
 * `muxguard completion`: a script for a shell, and what the script asks for. The shells know nothing of the
 * commands: each asks with the words that are typed.
 */
import type { Command } from "commander";
import { readMentions } from "../../identity/ssh-config/mentions.ts";
import { askGuard } from "../../rpc/replies.ts";
import { openPaths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { eachGuard } from "../guards/guards.ts";
import { eventOf } from "../log/fields.ts";
import { Tail } from "../log/tail.ts";
import { policyFor } from "../policy/source.ts";
import { candidates, type Values } from "./complete.ts";

const bash = `_muxguard() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(muxguard completion words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" \\
    -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _muxguard muxguard
`;

const zsh = `#compdef muxguard
_muxguard() {
  local -a found
  found=("\${(@f)$(muxguard completion words "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n $found[1] ]] && compadd -- $found || _files
}
compdef _muxguard muxguard
`;

const fish = `function __muxguard
  muxguard completion words (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null
end
complete -c muxguard -a '(__muxguard)'
`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

/** @param words of the command line to complete, where the shell is "words" */
export async function completion(
  shell: string | undefined,
  words: readonly string[],
  tree: Command,
): Promise<void> {
  if (shell !== "words") {
    const script = scripts[shell ?? ""];
    if (script === undefined) throw new CliError("say for which shell: bash, zsh or fish", exitCodes.usage);
    process.stdout.write(script);
    return;
  }
  const found = candidates(tree, words);
  const values = found.values ? await valuesOf(found.values).catch(() => []) : [];
  // a shell would take a blank for the end of a word, and a terminal obey what is in a name
  const safe = [...found.words, ...values].filter((word) => /^[\w@%+=:,./-]+$/.test(word));
  process.stdout.write([...new Set(safe)].map((word) => `${word}\n`).join(""));
}

/** How much of the log is looked at, in bytes. */
const NEWEST = 64 * 1024;

async function valuesOf(values: Values): Promise<string[]> {
  const paths = openPaths();
  switch (values) {
    case "hosts":
      return readMentions(new Set(["host"])).flatMap(({ value }) => (/[*?!]/.test(value) ? [] : value));
    case "rules": {
      const { rules, approved } = await policyFor(paths, undefined);
      return [...rules, ...approved].map(({ rule }) => rule.name);
    }
    case "questions":
      return idsOf("pending");
    case "grants":
      return idsOf("grants");
    case "entries":
      return [...new Tail(paths.log, NEWEST).lines()].flatMap((line) => eventOf(line)?.id ?? []).reverse();
    case "shells":
      return Object.keys(scripts);
  }
}

/** Of what guards have, as far as they say so. */
async function idsOf(what: "pending" | "grants"): Promise<string[]> {
  const found = await eachGuard<{ id: string }[]>(
    (guard) => askGuard(guard, what, null),
    () => {},
  );
  return found.flat().map(({ id }) => id);
}

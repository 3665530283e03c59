/** The words of `muxguard open HOST [ssh options]`: what is taken, and why the rest is not. */
import { isAbsolute } from "node:path";
import { masterCommandLine } from "../../identity/ssh/master-command-line.ts";
import type { PlainDestination } from "../../identity/ssh/plain-destination.ts";
import { parseConfigLine, readWords, type SshOption } from "../../identity/ssh/words.ts";

export interface OpenWords {
  /** For ssh. */
  options: readonly string[];
  destination: PlainDestination;
  /** Whether plain ssh goes to the same place by the host's name alone. */
  plain: boolean;
}

const USAGE = "muxguard open HOST [ssh options]";

/**
 * @param words what stands behind the host, be it behind `--`
 * @param sshConfig what the guard gives `ssh -F`
 * @throws Error that says which option is not taken, and what to do
 */
export function readOpenWords(
  words: readonly string[],
  host: string,
  sshConfig: string | undefined,
): OpenWords {
  const options = words[0] === "--" ? words.slice(1) : words;
  for (const option of readWords(["ssh", ...options, "--", host]).options) {
    const reason = whyNot(option);
    if (reason !== undefined) throw new Error(`${nameOf(option)} is not taken: ${reason}`);
  }
  const own = sshConfig === undefined ? [] : ["-F", sshConfig];
  const found = masterCommandLine(["ssh", ...own, ...options, "--", host], sshConfig);
  if (found?.host !== host)
    throw new Error(`no host, or options that are not for opening a connection; ${USAGE}`);
  const { plain, ...destination } = found;
  return { options, destination, plain };
}

/** Why the guard can't say which control path plain ssh would use. */
export function unknownPath(options: readonly string[], host: string): string {
  const { options: read } = readWords(["ssh", ...options, "--", host]);
  const file = read.findLast(({ letter }) => letter === "F")?.argument;
  if (file === undefined)
    return `with these options, the connection may lead elsewhere than ssh ${host}: say --control-path PATH for it`;
  const instead = `set ssh_config = "${file}" in config.toml and start the daemon anew`;
  return `what ${file} says of ${host} is not looked up: say --control-path PATH, or ${instead}`;
}

function whyNot({ letter, argument = "" }: SshOption): string | undefined {
  if (letter === "S" || (letter === "o" && parseConfigLine(argument)?.keyword === "controlpath"))
    return "the master's own socket is hidden; where ssh finds the guard is --control-path PATH";
  if (letter === "F" && !isAbsolute(argument))
    return "the daemon runs in another folder; give the whole path";
  return undefined;
}

function nameOf({ letter, argument }: SshOption): string {
  return argument === undefined ? `-${letter}` : `-${letter} ${argument}`;
}

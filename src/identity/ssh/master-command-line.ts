/**
 * What the command line of a running master says about where it leads. It tells a master with nothing special
 * about it from one that an option leads elsewhere.
 *
 * Limits: it is a claim, like all of a caller's words. A process can write anything there, and the
 * configuration may have changed since.
 */

import { readClaims } from "./command-line.ts";
import { type PlainDestination, plainDestination } from "./plain-destination.ts";
import { parseConfigLine, readWords, type SshOption, sessionKeywords, singleValue } from "./words.ts";

export interface MasterCommand extends PlainDestination {
  /**
   * True if the configuration and the fields above alone decide where the name leads and how the host is
   * checked. Where it is false, `jump` and `port` may be missing though there was one.
   */
  plain: boolean;
}

/** With any of these, ssh is no master. */
const NO_MASTER = "VQGOZ";
const PLAIN = "246AaCDEeFfgiJLlMNnpqRSsTtvWXxYy";
/** About the connection, but not about where it leads or how the host is checked. */
const plainKeywords = new Set([
  "checkhostip",
  "compression",
  "controlmaster",
  "controlpath",
  "controlpersist",
  "identitiesonly",
  "identityagent",
  "identityfile",
  "kbdinteractiveauthentication",
  "numberofpasswordprompts",
  "passwordauthentication",
  "port",
  "preferredauthentications",
  "proxyjump",
  "pubkeyauthentication",
  "user",
]);

/**
 * @param argv with the program's own name first
 * @param configFile what `ssh -F` is given when the guard asks about the destination. A master that has read
 * another file is not plain.
 * @returns undefined for what is no master's command line, and for a master that ControlPersist has left
 * behind: it calls itself `ssh: PATH [mux]`
 */
export function masterCommandLine(argv: readonly string[], configFile?: string): MasterCommand | undefined {
  const words = readWords(argv);
  const claims = readClaims(words);
  if (!claims || words.options.some(({ letter }) => NO_MASTER.includes(letter))) return undefined;
  const destination = plainDestination(claims);
  // ssh.c: the last -F counts
  const file = words.options.findLast(({ letter }) => letter === "F")?.argument;
  if (typeof destination !== "string")
    return { ...destination, plain: file === configFile && words.options.every(isPlain) };
  const { host, user } = claims;
  return { host, ...(user !== undefined && { user }), plain: false };
}

function isPlain({ letter, argument = "" }: SshOption): boolean {
  return letter === "o" ? isPlainLine(argument) : PLAIN.includes(letter);
}

function isPlainLine(text: string): boolean {
  const line = parseConfigLine(text);
  // `Match tagged` may lead elsewhere
  if (!line || line.keyword === "tag") return false;
  const named = line.keyword === "user" || line.keyword === "port";
  if (named && singleValue(line) === undefined) return false;
  return plainKeywords.has(line.keyword) || sessionKeywords.has(line.keyword);
}

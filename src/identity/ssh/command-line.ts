/**
 * Where a command line of ssh goes to, as main() of OpenSSH's ssh.c reads it.
 *
 * Limits: all of it is the caller's claim. It helps to find a name that can be proven, and proves none.
 */
import { isPort } from "./plain-words.ts";
import {
  type ConfigLine,
  parseConfigLine,
  readWords,
  type SshOption,
  type SshWords,
  singleValue,
} from "./words.ts";

export interface SshDestination {
  host: string;
  port?: number;
  user?: string;
}

/** What the words say, as they have it. */
export interface Claims {
  host: string;
  user?: string;
  port?: string;
  /** `-J` or ProxyJump. */
  jump?: string;
}

type Mention = Partial<Omit<Claims, "host">>;

/**
 * The host, port and user that the words say, without what the config adds.
 * @param argv with the program's own name first
 * @returns undefined where ssh would print its usage
 */
export function sshDestination(argv: readonly string[]): SshDestination | undefined {
  const claims = readClaims(readWords(argv));
  if (!claims) return undefined;
  const { host, user } = claims;
  const port = claims.port === undefined ? undefined : Number(claims.port);
  // a port may also be the name of a service: nothing is claimed then
  const known = port !== undefined && Number.isInteger(port);
  if (known && !isPort(port)) return undefined;
  return { host, ...(known && { port }), ...(user !== undefined && { user }) };
}

/**
 * The first mention counts, be it in an option or in the destination.
 * @returns undefined where ssh would print its usage
 */
export function readClaims({ options, before, destination, fault }: SshWords): Claims | undefined {
  const parsed = fault === undefined ? parseDestination(destination ?? "") : undefined;
  if (!parsed) return undefined;
  const { host, ...rest } = parsed;
  const mentions = [...options.slice(0, before).map(readMention), rest];
  mentions.push(...options.slice(before).map(readMention));
  return { ...Object.assign({}, ...mentions.reverse()), host };
}

function readMention({ letter, argument = "" }: SshOption): Mention {
  if (letter === "l") return { user: argument };
  if (letter === "p") return { port: argument };
  if (letter === "J") return { jump: argument };
  const line = letter === "o" ? parseConfigLine(argument) : undefined;
  return line ? readLine(line) : {};
}

function readLine(line: ConfigLine): Mention {
  // parse_jump() in readconf.c gets the line with its quotes
  if (line.keyword === "proxyjump") return { jump: line.rest };
  const value = singleValue(line);
  if (value === undefined) return {};
  if (line.keyword === "user") return { user: value };
  return line.keyword === "port" ? { port: value } : {};
}

function parseDestination(text: string): Omit<Claims, "jump"> | undefined {
  if (text.startsWith("ssh://")) return parseUri(text);
  const separator = text.lastIndexOf("@");
  const host = text.slice(separator + 1);
  if (host === "" || separator === 0) return undefined;
  return separator < 0 ? { host } : { host, user: text.slice(0, separator) };
}

/** `ssh://[user[;parameters]@]host[:port][/]`: parse_uri() of misc.c, valid_domain() for the host. */
const uriPattern =
  /^ssh:\/\/(?:([^@;]+)(?:;[^@]*)?@)?([A-Za-z0-9_](?:\.?[A-Za-z0-9_-])*)\.?(?::([^/]+)\/?|[:/])?$/;

/** @returns undefined for what is no such URI, or one with a path */
export function parseUri(text: string): Omit<Claims, "jump"> | undefined {
  const [, encodedUser, host, port] = uriPattern.exec(text) ?? [];
  const user = encodedUser === undefined ? undefined : decodeUser(encodedUser);
  if (host === undefined || user === "") return undefined;
  return { host, ...(port !== undefined && { port }), ...(user !== undefined && { user }) };
}

/** Empty if it is not well encoded. */
function decodeUser(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return "";
  }
}

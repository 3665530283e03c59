/**
 * Where a command line of ssh goes to, as main() of OpenSSH's ssh.c reads it. All of it is the caller's claim: it helps to find a name
 * that can be proven, and proves none.
 */

export interface SshDestination {
  host: string;
  port?: number;
  user?: string;
}

/** The options of ssh.c's main(), without and with an argument. */
const FLAGS = "1246ACGKMNTVXYZafgknqstvxy";
const WITH_ARGUMENT = "BDEFIJLOPQRSWbceilmopw";

/** What the options and the destination say about user and port. The first mention counts. */
class Claims {
  user: string | undefined;
  port: string | undefined;

  add(user: string | undefined, port: string | undefined): void {
    this.user ??= user;
    this.port ??= port;
  }

  addOption(letter: string, argument: string): void {
    if (letter === "l") this.add(argument, undefined);
    if (letter === "p") this.add(undefined, argument);
    if (letter === "o") this.#addConfigLine(argument);
  }

  /** `Port 22`, `Port=22`, `port = "22"`. */
  #addConfigLine(line: string): void {
    const [, keyword, value] = /^\s*(port|user)(?:\s*=\s*|\s+)"?([^"\s]+)"?\s*$/i.exec(line) ?? [];
    if (keyword?.toLowerCase() === "user") this.add(value, undefined);
    if (keyword?.toLowerCase() === "port") this.add(undefined, value);
  }
}

/**
 * The host, port and user that the words say, without what the config adds. Options may also follow the host.
 * @param argv with the program's own name first
 * @returns undefined where ssh would print its usage
 */
export function sshDestination(argv: readonly string[]): SshDestination | undefined {
  const claims = new Claims();
  const at = readOptions(argv, 1, claims);
  const destination = at === undefined ? undefined : parseDestination(argv[at] ?? "");
  if (at === undefined || !destination) return undefined;
  claims.add(destination.user, destination.port);
  // ssh.c looks for the word "--" alone, even where it was the argument of an option
  const ended = at > 1 && argv[at - 1] === "--";
  if (!ended && readOptions(argv, at + 1, claims) === undefined) return undefined;
  return withClaims(destination.host, claims);
}

function withClaims(host: string, { user, port }: Claims): SshDestination | undefined {
  const number = port === undefined ? undefined : Number(port);
  // a port may also be the name of a service: nothing is claimed then
  const known = number !== undefined && Number.isInteger(number);
  if (known && (number < 1 || number > 65535)) return undefined;
  return { host, ...(known && { port: number }), ...(user !== undefined && { user }) };
}

/**
 * getopt(3) as OpenSSH ships it: it stops at the first word that is no option.
 * @returns the index of that word; undefined for an option that ssh doesn't have, or one without its argument
 */
function readOptions(argv: readonly string[], start: number, claims: Claims): number | undefined {
  let at = start;
  while (at < argv.length) {
    const word = argv[at++] ?? "";
    if (word === "--") return at;
    if (!word.startsWith("-") || word === "-") return at - 1;
    const option = argumentOption(word);
    if (option === "none") continue;
    if (option === "unknown") return undefined;
    const argument = option.argument || argv[at++];
    if (argument === undefined) return undefined;
    claims.addOption(option.letter, argument);
  }
  return at;
}

/** The option in a word like `-tp2222` that takes an argument, with as much of it as the word holds. */
function argumentOption(word: string): { letter: string; argument: string } | "none" | "unknown" {
  for (let index = 1; index < word.length; index++) {
    const letter = word.charAt(index);
    if (WITH_ARGUMENT.includes(letter)) return { letter, argument: word.slice(index + 1) };
    if (!FLAGS.includes(letter)) return "unknown";
  }
  return "none";
}

interface Destination {
  host: string;
  port?: string | undefined;
  user?: string | undefined;
}

function parseDestination(text: string): Destination | undefined {
  if (text.startsWith("ssh://")) return parseUri(text);
  const separator = text.lastIndexOf("@");
  const host = text.slice(separator + 1);
  if (host === "" || separator === 0) return undefined;
  return separator < 0 ? { host } : { host, user: text.slice(0, separator) };
}

/** `ssh://[user[;parameters]@]host[:port][/]`: parse_uri() of misc.c, valid_domain() for the host. */
const uriPattern =
  /^ssh:\/\/(?:([^@;]+)(?:;[^@]*)?@)?([A-Za-z0-9_](?:\.?[A-Za-z0-9_-])*)\.?(?::([^/]+)\/?|[:/])?$/;

function parseUri(text: string): Destination | undefined {
  const [, encodedUser, host, port] = uriPattern.exec(text) ?? [];
  const user = encodedUser === undefined ? undefined : decodeUser(encodedUser);
  if (host === undefined || user === "") return undefined;
  return { host, port, user };
}

/** Empty if it is not well encoded. */
function decodeUser(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return "";
  }
}

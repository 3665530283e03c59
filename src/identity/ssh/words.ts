/**
 * The words of a command line of ssh, taken apart as main() of OpenSSH's ssh.c does it. What they mean is not
 * looked at here: see command-line.ts.
 */

export interface SshOption {
  letter: string;
  /** Absent for an option that takes none. */
  argument?: string;
}

export interface SshWords {
  /** In their order, those behind the destination too. With a fault: as far as they were read. */
  options: SshOption[];
  /** `[user@]host` or a URI, as it is. */
  destination?: string;
  /** How many of the options come before it. */
  before: number;
  command: string[];
  /** Why ssh would print its usage. */
  fault?: string;
}

/** The options of ssh.c's main(), without and with an argument. Up to 9.3 `-P` took none. */
const FLAGS = "1246ACGKMNTVXYZafgknqstvxy";
const WITH_ARGUMENT = "BDEFIJLOPQRSWbceilmopw";

/**
 * Options may follow the host, too. The next word that is none begins the command, whatever comes after it.
 * @param argv with the program's own name first
 */
export function readWords(argv: readonly string[]): SshWords {
  const options: SshOption[] = [];
  const first = readOptions(argv, 1, options);
  const before = options.length;
  if (typeof first === "string") return { options, before, command: [], fault: first };
  const destination = argv[first];
  if (destination === undefined) return { options, before, command: [], fault: "no host" };
  // ssh.c looks for the word "--" alone, even where it was the argument of an option
  const ended = first > 1 && argv[first - 1] === "--";
  const second = ended ? first + 1 : readOptions(argv, first + 1, options);
  if (typeof second === "string") return { options, before, destination, command: [], fault: second };
  return { options, before, destination, command: argv.slice(second) };
}

/**
 * getopt(3) as OpenSSH ships it: it stops at the first word that is no option.
 * @returns the index of that word; or the fault
 */
function readOptions(argv: readonly string[], start: number, options: SshOption[]): number | string {
  let at = start;
  while (at < argv.length) {
    const word = argv[at++] ?? "";
    if (word === "--") return at;
    if (!word.startsWith("-") || word === "-") return at - 1;
    const needy = readCluster(word, options);
    if (typeof needy === "string") return needy;
    if (needy?.argument !== "") continue;
    const argument = argv[at++];
    if (argument === undefined) return `-${needy.letter} without its argument`;
    needy.argument = argument;
  }
  return at;
}

/**
 * A word like `-tp2222`.
 * @returns its option with an argument, as much of that as the word holds; or the fault
 */
function readCluster(word: string, options: SshOption[]): Required<SshOption> | string | undefined {
  for (let index = 1; index < word.length; index++) {
    const letter = word.charAt(index);
    if (WITH_ARGUMENT.includes(letter)) {
      const option = { letter, argument: word.slice(index + 1) };
      options.push(option);
      return option;
    }
    if (!FLAGS.includes(letter)) return `an option that ssh doesn't have: -${letter}`;
    options.push({ letter });
  }
  return undefined;
}

/** A line of ssh_config(5), as `-o` has it. */
export interface ConfigLine {
  /** In lower case. */
  keyword: string;
  /** As it was written. */
  name: string;
  /** All that follows, with its quotes. */
  rest: string;
}

/** Of readconf.c, not of JavaScript, which knows more of them. */
const WHITESPACE = " \t\r\n\f";
const keywordPattern = /^[ \t\r\n]*([A-Za-z0-9]+)(?:[ \t\r\n]*=[ \t\r\n]*|[ \t\r\n]+)/;

/**
 * `Port 22`, `Port=22`, ` port = "22"`. strdelim() of misc.c.
 * @returns undefined for what has no argument, and for a keyword in quotes: no program writes that
 */
export function parseConfigLine(line: string): ConfigLine | undefined {
  let end = line.length;
  while (end > 0 && WHITESPACE.includes(line.charAt(end - 1))) end--;
  const [head, name] = keywordPattern.exec(line.slice(0, end)) ?? [];
  if (head === undefined || name === undefined || head.length === end) return undefined;
  return { keyword: name.toLowerCase(), name, rest: line.slice(head.length, end) };
}

/**
 * The one value of a line, without quotes and comment. argv_split() in misc.c.
 * @returns undefined for several values, backslashes and quotes in the middle
 */
export function singleValue({ rest }: ConfigLine): string | undefined {
  const [, double, single, bare] =
    /^(?:"([^"\\]*)"|'([^'\\]*)'|([^\s"'\\#][^\s"'\\]*))(?:[ \t]+(?:#.*)?)?$/.exec(rest) ?? [];
  return double ?? single ?? bare;
}

/** Keywords, in lower case, that are about a client's session or its log, not about how it connects. */
export const sessionKeywords: ReadonlySet<string> = new Set([
  "batchmode",
  "clearallforwardings",
  "connectionattempts",
  "connecttimeout",
  "dynamicforward",
  "enableescapecommandline",
  "escapechar",
  "exitonforwardfailure",
  "forkafterauthentication",
  "forwardagent",
  "forwardx11",
  "forwardx11trusted",
  "keepalive",
  "localforward",
  "loglevel",
  "remotecommand",
  "remoteforward",
  "requesttty",
  "sendenv",
  "serveralivecountmax",
  "serveraliveinterval",
  "sessiontype",
  "setenv",
  "stdinnull",
  "tag",
  "tcpkeepalive",
]);

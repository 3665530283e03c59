/**
 * A command line of ssh, as a session over named pipes: a command, a shell without a terminal, a subsystem or
 * `-W`. The rest needs sockets: it is refused here, in words that say so.
 */
import { parseConfigLine, readWords, type SshOption, singleValue } from "../../../identity/ssh/words.ts";
import type { Ride } from "../command.ts";
import type { FifoRequest, FifoSession } from "./request.ts";

export interface FifoLine extends Pick<FifoRequest, "destination" | "asks"> {
  /** With -n, or StdinNull. */
  noInput: boolean;
  /** With -q or LogLevel=quiet. */
  quiet: boolean;
  /** With -t: where there is a terminal, one is wanted there. */
  wantsTerminal: boolean;
}

/** What a socket, or a process of its own, is needed for. */
const refusedLetters: Record<string, string> = {
  A: "-A: an agent",
  X: "-X: X11",
  Y: "-Y: X11",
  O: "-O: control of the shared connection",
  N: "-N: a connection without a session",
  f: "-f: going to the background",
};
const refusedKeywords: Record<string, string> = {
  forwardagent: "ForwardAgent: an agent",
  forwardx11: "ForwardX11: X11",
  forkafterauthentication: "ForkAfterAuthentication: going to the background",
  remotecommand: "RemoteCommand: a command of that kind",
};
const forwards = ["localforward", "remoteforward", "dynamicforward"];

/**
 * @param words without the program's name; `ride` is what rideCommand() made of them
 * @throws Error with a line for stderr
 */
export function fifoSession(
  words: readonly string[],
  { destination }: Pick<Ride, "destination">,
  environment: NodeJS.ProcessEnv,
): FifoLine {
  const { options, command } = readWords(["ssh", ...words]);
  const settings = options.flatMap(settingOf);
  const value = (keyword: string): string | undefined =>
    settings.find((setting) => setting.keyword === keyword)?.value.toLowerCase();
  const refused = findRefusal(options, settings, value);
  if (refused !== undefined)
    throw new Error(`muxguard: denied: ${refused} is not to be had where no Unix sockets are`);
  const has = (letter: string): boolean => options.some((option) => option.letter === letter);
  return {
    destination,
    asks: asksOf(options, command, value("sessiontype"), sentVariables(settings, environment)),
    noInput: has("n") || isYes(value("stdinnull")),
    quiet: has("q") || value("loglevel") === "quiet",
    wantsTerminal: !has("T") && (has("t") || isYes(value("requesttty"))),
  };
}

interface Setting {
  keyword: string;
  value: string;
}

function settingOf({ letter, argument = "" }: SshOption): Setting[] {
  const line = letter === "o" ? parseConfigLine(argument) : undefined;
  return line ? [{ keyword: line.keyword, value: singleValue(line) ?? line.rest }] : [];
}

function isYes(value: string | undefined): boolean {
  return value === "yes" || value === "true";
}

function findRefusal(
  options: readonly SshOption[],
  settings: readonly Setting[],
  value: (keyword: string) => string | undefined,
): string | undefined {
  const letters = options.map(({ letter }) => letter);
  if (letters.filter((letter) => letter === "t").length > 1 || value("requesttty") === "force")
    return "-tt: a terminal";
  if (value("sessiontype") === "none") return refusedLetters.N;
  const letter = letters.find((one) => one in refusedLetters);
  if (letter !== undefined) return refusedLetters[letter];
  const isRefused = ({ keyword, value: said }: Setting): boolean =>
    keyword in refusedKeywords && !/^(no|false|none)$/i.test(said);
  const setting = settings.find(isRefused);
  if (setting) return refusedKeywords[setting.keyword];
  const forward =
    letters.find((one) => "LRD".includes(one)) ?? settings.find(({ keyword }) => forwards.includes(keyword));
  if (!forward || isYes(value("clearallforwardings"))) return undefined;
  return typeof forward === "string" ? `-${forward}: a forward` : `${forward.keyword}: a forward`;
}

function asksOf(
  options: readonly SshOption[],
  command: readonly string[],
  type: string | undefined,
  environment: string[],
): FifoSession {
  const target = options.findLast(({ letter }) => letter === "W")?.argument;
  if (target !== undefined) return { kind: "stdio", ...stdioTarget(target) };
  const subsystem = options.some(({ letter }) => letter === "s") || type === "subsystem";
  return { kind: "session", command: command.join(" "), subsystem, environment };
}

/** `host:port`, `[::1]:22`, `/run/a.sock`. @throws Error with a line for stderr */
function stdioTarget(text: string): { host: string; port?: number } {
  if (text.startsWith("/")) return { host: text };
  const [, six, plain, port] = /^(?:\[([^\]]+)\]|([^:/]+))[:/](\d{1,5})$/.exec(text) ?? [];
  const host = six ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65535)
    throw new Error("muxguard: denied: -W: not a host and its port");
  return { host, port: Number(port) };
}

/** SendEnv of the command line, as git says it; that of ssh_config is not read. A pattern after "-" takes away. */
function sentVariables(settings: readonly Setting[], environment: NodeJS.ProcessEnv): string[] {
  const said = settings.filter(({ keyword }) => keyword === "sendenv");
  const patterns = said.flatMap(({ value }) => value.split(/[ \t]+/)).map((word) => word.replaceAll('"', ""));
  const has = (name: string): boolean =>
    patterns.reduce((sent, word) => {
      const takesAway = word.startsWith("-");
      return patternOf(takesAway ? word.slice(1) : word).test(name) ? !takesAway : sent;
    }, false);
  return Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && has(name) ? `${name}=${value}` : [],
  );
}

function patternOf(word: string): RegExp {
  const escaped = word.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
}

/**
 * A command line of ssh, made into one of a mere mux client: where to, for the guard, which opens the
 * connection; and what the client keeps, which is about its own session alone.
 *
 * Nothing of it may choose how a connection is made. That is not what keeps the guard safe (a caller can also
 * write to the guard by itself), but the guard takes nothing that is not in a `PlainDestination`.
 *
 * What changes here may have to change in bin/muxguard-ride-ssh.sh, which reads the usual ones by itself.
 */

import { readClaims } from "../../identity/ssh/command-line.ts";
import { type PlainDestination, plainDestination } from "../../identity/ssh/plain-destination.ts";
import {
  type ConfigLine,
  parseConfigLine,
  readWords,
  type SshOption,
  type SshWords,
  sessionKeywords,
  singleValue,
} from "../../identity/ssh/words.ts";

export interface Ride {
  kind: "ride";
  destination: PlainDestination;
  /**
   * Follow the options that make ssh a mux client; the first mention counts, so those win, but for -S and -M,
   * which are never in here. They end in `--`, the host and the command's words.
   */
  clientArguments: string[];
  /** What a shared connection can't honour, like "-F" and "-o StrictHostKeyChecking=no". */
  dropped: string[];
  /** Of `-O`: "check", "exit", "forward"... No session is opened then. */
  control?: string;
  /**
   * With -N or SessionType=none. A mux client of OpenSSH opens a session all the same, a login shell that
   * reads its standard input: `-O forward` before the same arguments asks for the forwards alone, and returns
   * at once.
   */
  noSession?: true;
}

export type RideCommand =
  | Ride
  /** Nothing is connected; ssh may run as it is. */
  | { kind: "local" }
  | { kind: "refused"; reason: string };

/** -V, -Q, -G: versions, algorithms, the configuration. */
const LOCAL = "VQG";
/** About the client's side of a session, which mux.c honours; `-E` and `-y` are about its log. */
const KEPT = "tTnNsfqvAaXYxyEeWLRDO";
/** In the destination, or without a meaning for a session. */
const SILENT = "lpJ246CkK";
/** Where dropping an option would do something else than the words say, or in another place. */
const refusedLetters: Record<string, string> = {
  "1": "protocol 1 is gone",
  M: "-M: a run with --ride holds no connection of its own",
  P: "-P has an argument in some versions of ssh and none in others; -o Tag=… says what is meant",
  Z: "-Z is not in every version of ssh",
  w: "-w: a shared connection has no tunnel devices",
};
const refusedKeywords: Record<string, string> = {
  controlmaster: "ControlMaster: a run with --ride holds no connection of its own",
  tunnel: "Tunnel: a shared connection has no tunnel devices",
  hostname: "HostName: the ssh configuration says where a name leads, and it would be somewhere else",
};

/** @param argv with the program's own name first */
export function rideCommand(argv: readonly string[]): RideCommand {
  const words = readWords(argv);
  const local = isLocal(words);
  const reason = local ? undefined : findRefusal(words);
  if (local) return { kind: "local" };
  if (reason !== undefined) return { kind: "refused", reason };
  const claims = readClaims(words);
  const destination = claims ? plainDestination(claims) : "the destination is malformed";
  if (typeof destination === "string") return { kind: "refused", reason: destination };
  return makeRide(words, destination);
}

/** ssh ends as soon as it has read a -V or -Q; with -G, after all the rest. */
function isLocal({ options, fault }: SshWords): boolean {
  // a version that reads -P in another way may also take these for something else
  if (options.some(({ letter }) => letter === "P" || letter === "Z")) return false;
  return options.some(({ letter }) => LOCAL.includes(letter) && (letter !== "G" || fault === undefined));
}

function findRefusal({ options, fault }: SshWords): string | undefined {
  if (options.filter(({ letter }) => letter === "J").length > 1) return "more than one -J";
  return fault ?? options.map(refuseOption).find((reason) => reason !== undefined);
}

function refuseOption({ letter, argument = "" }: SshOption): string | undefined {
  if (letter === "O" && argument === "proxy") return "-O proxy: what it does can't be decided on one by one";
  if (letter !== "o") return refusedLetters[letter];
  const line = parseConfigLine(argument);
  return line ? refuseLine(line) : "-o: not a keyword and its value";
}

function refuseLine(line: ConfigLine): string | undefined {
  const value = singleValue(line);
  if (isDestination(line))
    return value === undefined ? `-o ${line.name}: more than one plain word` : undefined;
  if (isSwitch(line) && /^(no|false)$/i.test(value ?? "")) return undefined;
  if (isShared(line)) return undefined;
  return refusedKeywords[line.keyword];
}

function isDestination({ keyword }: ConfigLine): boolean {
  return keyword === "user" || keyword === "port" || keyword === "proxyjump";
}

/** Those where "no" is no reason to refuse, nor worth a word. */
function isSwitch({ keyword }: ConfigLine): boolean {
  return keyword === "controlmaster" || keyword === "tunnel";
}

/** Ansible's `ControlMaster=auto`: the connection is shared already. What insists on a master is refused. */
function isShared(line: ConfigLine): boolean {
  return line.keyword === "controlmaster" && /^auto$/i.test(singleValue(line) ?? "");
}

function makeRide({ options, command }: SshWords, destination: PlainDestination): Ride {
  const { host, user, port } = destination;
  const kept = options.flatMap(keepOption);
  // for the tokens in RemoteCommand, SetEnv and forwarded paths
  if (user !== undefined) kept.push("-l", user);
  if (port !== undefined) kept.push("-p", `${port}`);
  const control = options.find(({ letter }) => letter === "O")?.argument;
  return {
    kind: "ride",
    destination,
    clientArguments: [...kept, "--", host, ...command],
    dropped: options.flatMap(dropOption),
    ...(control !== undefined && { control }),
    ...(isWithoutSession(options) && { noSession: true }),
  };
}

/** -W and -O ask for something else than a session, which mux.c honours. */
function isWithoutSession(options: SshOption[]): boolean {
  if (options.some(({ letter }) => letter === "W" || letter === "O")) return false;
  return options.some(
    ({ letter, argument = "" }) => letter === "N" || (letter === "o" && isNoSession(argument)),
  );
}

function isNoSession(text: string): boolean {
  const line = parseConfigLine(text);
  return line?.keyword === "sessiontype" && singleValue(line)?.toLowerCase() === "none";
}

function keepOption({ letter, argument }: SshOption): string[] {
  if (argument === undefined) return KEPT.includes(letter) ? [`-${letter}`] : [];
  if (letter !== "o") return KEPT.includes(letter) ? [`-${letter}`, argument] : [];
  const line = parseConfigLine(argument);
  return line && sessionKeywords.has(line.keyword) ? ["-o", `${line.name}=${line.rest}`] : [];
}

function dropOption({ letter, argument = "" }: SshOption): string[] {
  if (letter !== "o") return `${KEPT}${SILENT}`.includes(letter) ? [] : [`-${letter}`];
  const line = parseConfigLine(argument);
  const known = line && (sessionKeywords.has(line.keyword) || isDestination(line) || isSwitch(line));
  return known || !line ? [] : [`-o ${line.name}=${line.rest}`];
}

/** Which entries `muxguard log` shows. */
import { timeOf } from "../../audit/lines.ts";
import { parseDuration } from "../../policy/duration.ts";
import { matchHost, matchList } from "../../policy/match/pattern.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { eventOf, keyOf, textAfter } from "./fields.ts";

export interface FilterOptions {
  host?: string;
  program?: string;
  decision?: string;
  scope?: string;
  since?: string;
}

export interface Filter {
  /** ISO 8601, UTC; empty for the beginning. */
  from: string;
  /** Of a line that may be cut off: whoever shows it looks at that. */
  takes(line: Buffer): boolean;
}

type Test = (line: Buffer) => boolean;

const HOST = keyOf("host");
const CLAIMED = keyOf("claimed");
const SCOPE = keyOf("scope");
const CALLER = Buffer.from('"caller":{"pid":');
const EXE = keyOf("exe");
const NAME = keyOf("name");
const ANCESTORS = Buffer.from('"ancestors":[');

/** @throws CliError for what nobody can mean */
export function filterOf(options: FilterOptions): Filter {
  const { host, program, decision, scope, since } = options;
  if (decision !== undefined && decision !== "allow" && decision !== "deny")
    throw new CliError(`a decision is "allow" or "deny", not ${decision}`, exitCodes.usage);
  const from = since === undefined ? "" : startTime(since).toISOString();
  const tests: Test[] = [
    ...(decision === undefined ? [] : [withBytes(`"decision":"${decision}"`)]),
    ...(host === undefined ? [] : [withHost(host)]),
    ...(scope === undefined ? [] : [withScope(scope)]),
    ...(program === undefined ? [] : [withProgram(program)]),
    ...(from === "" ? [] : [(line: Buffer) => (timeOf(line) ?? eventOf(line)?.time ?? "") >= from]),
  ];
  return { from, takes: (line) => tests.every((test) => test(line)) };
}

/** @throws CliError */
export function startTime(since: string): Date {
  const ago = parseDuration(since);
  const time = ago === undefined ? new Date(since) : new Date(Date.now() - ago);
  if (Number.isNaN(time.getTime()))
    throw new CliError(`neither a time nor a duration: ${since}`, exitCodes.usage);
  return time;
}

function withBytes(words: string): Test {
  const bytes = Buffer.from(words);
  return (line) => line.includes(bytes);
}

/** By the name that the log has for it, or the one that was claimed. */
function withHost(pattern: string): Test {
  const matches = remembered((name) => matchHost(name, pattern) === "yes");
  return (line) => [HOST, CLAIMED].some((key) => matches(textAfter(line, key)));
}

/** Empty: outside of any run. */
function withScope(pattern: string): Test {
  const matches = remembered((name) => matchList(name, pattern) === "yes");
  return pattern === ""
    ? (line) => textAfter(line, SCOPE) === undefined
    : (line) => matches(textAfter(line, SCOPE));
}

/** Whoever asked, and what started it: by path, or by the last part of it. */
function withProgram(pattern: string): Test {
  const matches = remembered((path) =>
    [path, path.slice(path.lastIndexOf("/") + 1), path.replace(/^\((.*)\)$/s, "$1")].some(
      (name) => matchList(name, pattern) === "yes",
    ),
  );
  return (line) => {
    const caller = line.indexOf(CALLER);
    if (caller < 0) return false;
    const own = textAfter(line, EXE, caller) ?? textAfter(line, NAME, caller);
    return matches(own) || ancestorsOf(line, caller).some(matches);
  };
}

/** A log has few names, many times. */
const MOST_REMEMBERED = 10_000;

function remembered(matches: (text: string) => boolean): (text: string | undefined) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    if (text === undefined) return false;
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const found = matches(text);
    known.set(text, found);
    return found;
  };
}

const lists = new Map<string, string[]>();

function ancestorsOf(line: Buffer, caller: number): string[] {
  const at = line.indexOf(ANCESTORS, caller);
  const end = at < 0 ? -1 : endOfList(line, at + ANCESTORS.length);
  if (end < 0) return [];
  const json = line.toString("utf8", at + ANCESTORS.length - 1, end + 1);
  const before = lists.get(json);
  if (before) return before;
  if (lists.size >= MOST_REMEMBERED) lists.clear();
  const parsed: string[] =
    eventOf(Buffer.from(`{"time":"","caller":{"ancestors":${json}}}`))?.caller?.ancestors ?? [];
  lists.set(json, parsed);
  return parsed;
}

/** The bracket behind the last text of a list of texts. */
function endOfList(line: Buffer, from: number): number {
  let isText = false;
  for (let at = from; at < line.length; at++) {
    const byte = line[at];
    if (byte === 0x5c && isText) at++;
    else if (byte === 0x22) isText = !isText;
    else if (byte === 0x5d && !isText) return at;
  }
  return -1;
}

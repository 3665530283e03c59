/** Which entries `muxguard log` shows. */
import { timeOf } from "../../audit/lines.ts";
import { parseDuration } from "../../policy/duration.ts";
import { matchHost, matchList } from "../../policy/match/pattern.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { copyOf, eventOf, keyOf, rawAfter, textOf } from "./fields.ts";

export interface FilterOptions {
  host?: string;
  program?: string;
  decision?: string;
  scope?: string;
  since?: string;
  /** Who has signed the answer. */
  person?: string;
}

export interface Filter {
  /** ISO 8601, UTC; empty for the beginning. */
  from: string;
  /** Of a line that may be cut off: whoever shows it looks at that. */
  takes(line: string): boolean;
}

type Test = (line: string) => boolean;

const HOST = keyOf("host");
const CLAIMED = keyOf("claimed");
const SCOPE = keyOf("scope");
const CALLER = '"caller":{"pid":';
const EXE = keyOf("exe");
const NAME = keyOf("name");
const SIGNERS = '"signers":[';
const ANCESTORS = '"ancestors":[';

/** @throws CliError for what nobody can mean */
export function filterOf(options: FilterOptions): Filter {
  const { host, program, decision, scope, since, person } = options;
  if (decision !== undefined && decision !== "allow" && decision !== "deny")
    throw new CliError(`a decision is "allow" or "deny", not ${decision}`, exitCodes.usage);
  const from = since === undefined ? "" : startTime(since).toISOString();
  const tests: Test[] = [
    ...(decision === undefined ? [] : [(line: string) => line.includes(`"decision":"${decision}"`)]),
    ...(host === undefined ? [] : [withHost(host)]),
    ...(scope === undefined ? [] : [withScope(scope)]),
    ...(program === undefined ? [] : [withProgram(program)]),
    ...(person === undefined ? [] : [withPerson(person)]),
    ...(from === "" ? [] : [(line: string) => (timeOf(line) ?? eventOf(line)?.time ?? "") >= from]),
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

/** By the name that the log has for it, or the one that was claimed. */
function withHost(pattern: string): Test {
  const matches = remembered((name) => matchHost(name, pattern) === "yes");
  return (line) => [HOST, CLAIMED].some((key) => matches(rawAfter(line, key)));
}

/** As the allowed_signers file has it: the fingerprint of the key is behind it. */
function withPerson(pattern: string): Test {
  return (line) =>
    line.includes(SIGNERS) &&
    (eventOf(line)?.signers ?? []).some((one) => matchList(one.split(" ")[0] ?? "", pattern) === "yes");
}

/** Empty: outside of any run. */
function withScope(pattern: string): Test {
  const matches = remembered((name) => matchList(name, pattern) === "yes");
  return pattern === ""
    ? (line) => rawAfter(line, SCOPE) === undefined
    : (line) => matches(rawAfter(line, SCOPE));
}

/** Whoever asked, and what started it: by path, or by the last part of it. */
function withProgram(pattern: string): Test {
  const fits = (path: string): boolean =>
    [path, path.slice(path.lastIndexOf("/") + 1), path.replace(/^\((.*)\)$/s, "$1")].some(
      (name) => matchList(name, pattern) === "yes",
    );
  const isIt = remembered(fits);
  const isAmong = kept((list) => listOf(list).some(fits), false);
  // most lines don't have it at all
  const literal = /^[\w./+-]+$/.test(pattern) ? pattern : "";
  return (line) => {
    if (!line.includes(literal)) return false;
    const caller = line.indexOf(CALLER);
    if (caller < 0) return false;
    if (isIt(rawAfter(line, EXE, caller) ?? rawAfter(line, NAME, caller))) return true;
    const at = line.indexOf(ANCESTORS, caller) + ANCESTORS.length;
    const end = at < caller ? -1 : endOfList(line, at);
    return end >= 0 && isAmong(line.slice(at - 1, end + 1));
  };
}

function listOf(raw: string): string[] {
  return eventOf(`{"time":"","caller":{"ancestors":${raw}}}`)?.caller?.ancestors ?? [];
}

/** A log has few names, many times. */
const MOST_REMEMBERED = 10_000;

/** @returns a test of a text as it is in the file */
function remembered(matches: (text: string) => boolean): (raw: string | undefined) => boolean {
  return kept((raw) => matches(textOf(raw)), false);
}

/** @param without for what is not there */
function kept<T>(find: (raw: string) => T, without: T): (raw: string | undefined) => T {
  const known = new Map<string, T>();
  return (raw) => {
    if (raw === undefined) return without;
    const before = known.get(raw);
    if (before !== undefined) return before;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const found = find(raw);
    known.set(copyOf(raw), found);
    return found;
  };
}

/**
 * The bracket behind the last text of a list of texts. A quotation mark that begins a text comes behind a comma or a
 * bracket, so one that comes behind neither, nor behind a backslash, ends one.
 */
function endOfList(line: string, from: number): number {
  if (line[from] === "]") return from;
  const quote = line.indexOf('"]', from);
  if (quote > from && !",[\\".includes(line[quote - 1] ?? "")) return quote + 1;
  let at = line.indexOf("]", from);
  while (at >= 0 && !isOutside(line, from, at)) at = line.indexOf("]", at + 1);
  return at;
}

function isOutside(line: string, from: number, to: number): boolean {
  let isText = false;
  for (let at = from; at < to; at++) {
    if (line[at] === "\\" && isText) at++;
    else if (line[at] === '"') isText = !isText;
  }
  return !isText;
}

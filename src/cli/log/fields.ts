/**
 * What an entry says, read from its text as it stands in the file: a log may have millions, and JSON.parse() takes
 * longer than all else. A key in quotation marks can't be in a text of the entry, whose quotation marks are
 * escaped: where it is found, it is a key.
 *
 * Lines are in latin1, a character for each byte.
 */
import { attempt } from "../../attempt.ts";
import type { AuditEvent } from "../../audit/event.ts";
import { own, timeOf } from "../../audit/lines.ts";

/** How an entry of the chain ends: chain.ts. */
const PREV = ',"prev":"';
const PREV_LENGTH = PREV.length + 64 + '"}'.length;

/** How a field with a text begins. */
export function keyOf(name: keyof AuditEvent | "exe" | "scope" | "name"): string {
  return `"${name}":"`;
}

/** The text behind a key, as it is in the file; undefined where the entry has no such field. */
export function rawAfter(line: string, key: string, from = 0): string | undefined {
  const at = line.indexOf(key, from);
  if (at < 0) return undefined;
  const begin = at + key.length;
  let end = line.indexOf('"', begin);
  while (end > 0 && isEscaped(line, end)) end = line.indexOf('"', end + 1);
  return end < 0 ? undefined : line.slice(begin, end);
}

/** What it says. */
export function textOf(raw: string): string {
  const text = own(raw);
  return text.includes("\\") ? (attempt((): string => JSON.parse(`"${text}"`)) ?? text) : text;
}

function isEscaped(line: string, quote: number): boolean {
  let at = quote;
  while (line[at - 1] === "\\") at--;
  return (quote - at) % 2 === 1;
}

/** The same in latin1, to be kept: a piece of a larger text would keep that. */
export function copyOf(raw: string): string {
  return Buffer.from(raw, "latin1").toString("latin1");
}

/** A number behind the last such key; undefined where there is none. */
export function numberAfter(line: string, key: string): number | undefined {
  const at = line.lastIndexOf(key);
  const found = at < 0 ? Number.NaN : Number.parseInt(line.slice(at + key.length, at + key.length + 16), 10);
  return Number.isNaN(found) ? undefined : found;
}

/** Undefined for a line that was cut off by a crash. */
export function parseEvent(line: string): AuditEvent | undefined {
  return attempt(() => JSON.parse(line));
}

/** The same of what may also be null, [] or 17, which are JSON, too. */
export function eventOf(line: string): AuditEvent | undefined {
  const event = parseEvent(own(line));
  return typeof event?.time === "string" ? event : undefined;
}

/** Whether it begins and ends as an entry of the chain does: it was written whole. */
export function isLinked(line: string): boolean {
  return (
    line.endsWith('"}') && line.startsWith(PREV, line.length - PREV_LENGTH) && timeOf(line) !== undefined
  );
}

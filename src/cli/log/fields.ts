/**
 * What an entry says, read from its bytes: a log may have millions, and JSON.parse() takes longer than all
 * else. A key in quotation marks can't be in a text of the entry, whose quotation marks are escaped: where its
 * bytes are, it is a key.
 */
import { attempt } from "../../attempt.ts";
import { linkOf } from "../../audit/chain.ts";
import type { AuditEvent } from "../../audit/event.ts";
import { timeOf } from "../../audit/lines.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How a field with a text begins. */
export function keyOf(name: keyof AuditEvent | "exe" | "scope" | "name"): Buffer {
  return Buffer.from(`"${name}":"`);
}

/** The text behind a key; undefined where the entry has no such field. */
export function textAfter(line: Buffer, key: Buffer, from = 0): string | undefined {
  const at = line.indexOf(key, from);
  if (at < 0) return undefined;
  const begin = at + key.length;
  let end = line.indexOf(QUOTE, begin);
  while (end > 0 && isEscaped(line, end)) end = line.indexOf(QUOTE, end + 1);
  if (end < 0) return undefined;
  const text = line.toString("utf8", begin, end);
  return text.includes("\\") ? attempt((): string => JSON.parse(`"${text}"`)) : text;
}

function isEscaped(line: Buffer, quote: number): boolean {
  let at = quote;
  while (line[at - 1] === BACKSLASH) at--;
  return (quote - at) % 2 === 1;
}

/** A number behind a key; undefined where there is none. */
export function numberAfter(line: Buffer, key: Buffer): number | undefined {
  const at = line.lastIndexOf(key);
  if (at < 0) return undefined;
  const found = Number.parseInt(line.toString("latin1", at + key.length, at + key.length + 16), 10);
  return Number.isNaN(found) ? undefined : found;
}

/** Undefined for a line that was cut off by a crash. */
export function parseEvent(line: string): AuditEvent | undefined {
  return attempt(() => JSON.parse(line));
}

/** The same of what may also be null, [] or 17, which are JSON, too. */
export function eventOf(line: Buffer): AuditEvent | undefined {
  const event = parseEvent(line.toString());
  return typeof event?.time === "string" ? event : undefined;
}

/** Whether it is a whole entry, without looking at what is in it where its beginning and end say so. */
export function isWhole(line: Buffer): boolean {
  return (timeOf(line) !== undefined && linkOf(line) !== undefined) || eventOf(line) !== undefined;
}

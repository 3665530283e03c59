/**
 * The chain over the log: each entry ends with its number and with the hash of the entry before it, so that one
 * that is altered, removed or moved later does not fit to the next.
 *
 *     …,"seq":7,"prev":"SHA-256 of the line before, in hexadecimal"}
 *
 * No lock is held for it: a writer that is stopped must not stop the others. Two that write at the same moment
 * name the same entry before; what comes next covers both. So the hash of a line is that of its bytes alone where
 * it names the hash before, which is in it; and of both where it does not.
 *
 * There is no secret in it. Who may write to the file can make a whole new chain: only a copy of a hash that
 * is kept elsewhere tells.
 */
import { hash } from "node:crypto";
import { attempt } from "../attempt.ts";

/** Where a chain stands. */
export interface ChainEnd {
  /** Over all lines so far, in hexadecimal. */
  hash: string;
  /** How many lines that is. */
  seq: number;
}

/** What an entry says of the one before it. */
export interface Link {
  seq: number;
  prev: string;
}

export const CHAIN_START: ChainEnd = { hash: "0".repeat(64), seq: 0 };

const HASH_LENGTH = 64;
const PREV = Buffer.from(',"prev":"');
const SEQ = Buffer.from(',"seq":');
const END = Buffer.from('"}');
/** How an entry begins. */
const TIME = Buffer.from('{"time":"');
/** Digits of a number that JavaScript counts with. */
const MOST_DIGITS = 15;

/** The entry as a line that goes on from there, without the newline. @param json an object that is not empty */
export function linked(json: string, { hash: prev, seq }: ChainEnd): string {
  return `${json.slice(0, -1)},"seq":${seq + 1},"prev":"${prev}"}`;
}

/**
 * Undefined where a line has none: it is from before the chain, or cut off. No text in an entry looks like one:
 * its quotation marks are escaped there.
 */
export function linkOf(line: Buffer): Link | undefined {
  const hashAt = line.length - END.length - HASH_LENGTH;
  const seqEnd = hashAt - PREV.length;
  if (seqEnd <= 0 || !isAt(line, END, line.length - END.length) || !isAt(line, PREV, seqEnd))
    return undefined;
  let seqAt = seqEnd;
  while (seqEnd - seqAt < MOST_DIGITS && isDigit(line[seqAt - 1])) seqAt--;
  if (seqAt === seqEnd || !isAt(line, SEQ, seqAt - SEQ.length)) return undefined;
  const seq = Number(line.toString("latin1", seqAt, seqEnd));
  return { seq, prev: line.toString("latin1", hashAt, hashAt + HASH_LENGTH) };
}

/** How the chain stands behind a line. */
export function follow(end: ChainEnd, line: Buffer, link = linkOf(line)): ChainEnd {
  if (link?.prev === end.hash) return { hash: hash("sha256", line), seq: end.seq + 1 };
  // what is before the chain counts no further back: its first writer sees the end of the file alone
  const isBefore = !link && end.seq === 0;
  const before = isBefore ? CHAIN_START.hash : end.hash;
  return {
    hash: hash("sha256", Buffer.concat([Buffer.from(before), line])),
    seq: isBefore ? 0 : end.seq + 1,
  };
}

/**
 * How the chain stands behind the last line, as far as the lines at the end of a file tell: they are believed.
 * Looking at it whole is for verify.ts.
 */
export function endOf(lines: readonly Buffer[]): ChainEnd {
  let at = lines.length - 1;
  while (at > 0 && !isNamed(lines[at - 1], lines[at])) at--;
  const first = lines[at];
  if (!first) return CHAIN_START;
  const link = linkOf(first);
  let end = link ? follow({ hash: link.prev, seq: link.seq - 1 }, first, link) : follow(CHAIN_START, first);
  for (const line of lines.slice(at + 1)) end = follow(end, line);
  return end;
}

/** Whether the next line names the hash of this one. */
function isNamed(line: Buffer | undefined, next: Buffer | undefined): boolean {
  return line !== undefined && next !== undefined && linkOf(next)?.prev === hash("sha256", line);
}

/** Whether it is a whole entry, with or without a link. */
export function isEntry(line: Buffer): boolean {
  const parsed = attempt((): unknown => JSON.parse(line.toString()));
  return typeof parsed === "object" && parsed !== null && "time" in parsed;
}

/**
 * Whether a line with a link is an entry behind one that was cut off: its writer saw that, and wrote the entry once
 * more. In a text of an entry the quotation marks would be escaped.
 */
export function isBehindCutOff(line: Buffer): boolean {
  return line.indexOf(TIME, 1) > 0;
}

function isAt(line: Buffer, words: Buffer, at: number): boolean {
  return at >= 0 && line.compare(words, 0, words.length, at, at + words.length) === 0;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/**
 * The lines of a log, as bytes, read in pieces: a log may have millions. Their order is by time, up to some
 * milliseconds between writers.
 */
import { readSync } from "node:fs";

/** In bytes. A text of that size is made and forgotten in the young heap: larger ones took three times as long. */
const CHUNK = 64 * 1024;
/** For a look at a few lines, in bytes. */
const PIECE = 8 * 1024;
const NEWLINE = 0x0a;
/** How an entry begins. */
const TIME = '{"time":"';
const TIME_END = TIME.length + "2026-11-22T10:00:00.000Z".length;

/**
 * From an offset on to the end. A line is there until the next one is taken. Empty ones come too.
 * @returns what comes behind the last end of a line
 */
export function* forwards(fd: number, from: number, chunk = CHUNK): Generator<Buffer, Buffer> {
  let buffer = Buffer.alloc(chunk);
  let kept = 0;
  for (let offset = from; ; ) {
    if (kept === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(kept)]);
    const length = readSync(fd, buffer, kept, buffer.length - kept, offset);
    if (length === 0) return buffer.subarray(0, kept);
    offset += length;
    const filled = kept + length;
    let at = 0;
    for (
      let end = buffer.indexOf(NEWLINE, kept);
      end >= 0 && end < filled;
      end = buffer.indexOf(NEWLINE, at)
    ) {
      yield buffer.subarray(at, end);
      at = end + 1;
    }
    buffer.copyWithin(0, at, filled);
    kept = filled - at;
  }
}

/**
 * The same as texts with a character for each byte (latin1), for whoever looks at many of them: that is faster
 * than to look at bytes. Each is a piece of a larger text: own() makes one that can be kept.
 */
export function* textsForwards(fd: number, from: number, chunk = CHUNK): Generator<string> {
  let buffer = Buffer.alloc(chunk);
  let kept = 0;
  for (let offset = from; ; ) {
    if (kept === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(kept)]);
    const length = readSync(fd, buffer, kept, buffer.length - kept, offset);
    if (length === 0) return;
    offset += length;
    const filled = kept + length;
    const whole = buffer.subarray(0, filled).lastIndexOf(NEWLINE) + 1;
    const text = buffer.toString("latin1", 0, whole);
    for (let at = 0, end = text.indexOf("\n"); end >= 0; at = end + 1, end = text.indexOf("\n", at))
      yield text.slice(at, end);
    buffer.copyWithin(0, whole, filled);
    kept = filled - whole;
  }
}

/** A text of its own, from the bytes that the characters stand for. */
export function own(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString();
}

/** From the end back. What comes behind the last end of a line is left out, and so are empty lines. */
export function* backwards(fd: number, size: number, chunk = CHUNK): Generator<Buffer> {
  let rest: Buffer | undefined;
  for (let offset = size; offset > 0; ) {
    const bytes = Buffer.alloc(Math.min(chunk, offset));
    offset -= bytes.length;
    readSync(fd, bytes, 0, bytes.length, offset);
    let end = bytes.lastIndexOf(NEWLINE);
    if (end < 0) {
      if (rest) rest = Buffer.concat([bytes, rest]);
      continue;
    }
    const last = rest ? Buffer.concat([bytes.subarray(end + 1), rest]) : undefined;
    if (last?.length) yield last;
    for (let next = before(bytes, end); next >= 0; next = before(bytes, end)) {
      if (end - next > 1) yield bytes.subarray(next + 1, end);
      end = next;
    }
    rest = Buffer.from(bytes.subarray(0, end));
  }
  if (rest?.length) yield rest;
}

/** Behind the last end of a line. */
export function endOfLines(fd: number, size: number): number {
  for (let end = size; end > 0; ) {
    const bytes = Buffer.alloc(Math.min(CHUNK, end));
    readSync(fd, bytes, 0, bytes.length, end - bytes.length);
    end -= bytes.length;
    const at = bytes.lastIndexOf(NEWLINE);
    if (at >= 0) return end + at + 1;
  }
  return 0;
}

/** The end of the line before. */
function before(bytes: Buffer, end: number): number {
  return end === 0 ? -1 : bytes.lastIndexOf(NEWLINE, end - 1);
}

/** When an entry was written, as it says: ISO 8601, UTC. Undefined for what begins like no entry. */
export function timeOf(line: string): string | undefined {
  return line.startsWith(TIME) && line[TIME_END] === '"' ? line.slice(TIME.length, TIME_END) : undefined;
}

/**
 * Where the entries of a time on begin, found in few steps.
 * @param time as timeOf() has it
 * @returns the offset of a line, at or a little before the first of them
 */
export function offsetOf(fd: number, size: number, time: string, chunk = CHUNK): number {
  let low = 0; // begins before that time
  for (let high = size; high - low > chunk; ) {
    const middle = low + Math.floor((high - low) / 2);
    const found = firstBetween(fd, middle, high);
    if (found && found.time < time) low = found.offset;
    else high = middle;
  }
  return low;
}

/** The first entry whose line begins behind an offset. */
function firstBetween(fd: number, from: number, to: number): { offset: number; time: string } | undefined {
  let offset = from;
  let isWhole = false; // the first line begins further up
  for (const line of textsForwards(fd, from, PIECE)) {
    const time = isWhole ? timeOf(line) : undefined;
    if (time !== undefined) return { offset, time: own(time) };
    offset += line.length + 1;
    isWhole = true;
    if (offset >= to) return undefined;
  }
  return undefined;
}

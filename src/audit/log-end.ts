/**
 * Where the log ends, for whoever appends to it beside others: how the chain stands there, and whether the last
 * line was cut off. Where nobody else has written since, nothing is read; else what came since; in a file
 * that is new here, its end.
 *
 * A file that was emptied (copytruncate of logrotate) or renamed goes on with the chain as it was known here. One
 * that was cut, or whose entries were changed, does too: it is seen by that.
 */
import { fstatSync, readSync } from "node:fs";
import { CHAIN_START, type ChainEnd, endOf, follow } from "./chain.ts";

/** Of the first line, in bytes: its time, its id and more. */
const HEAD = 256;
/** Of what others wrote meanwhile: beyond it the end of the file says as much. In bytes. */
const MOST_READ = 1024 * 1024;
/** How much of the end is read first, in bytes, and at most. */
const TAIL = 16 * 1024;
const MOST_TAIL = 16 * 1024 * 1024;
/** Lines that tell how the chain stands, where nobody wrote at the same moment. */
const ENOUGH = 4;
const NEWLINE = 0x0a;

export interface Ending {
  end: ChainEnd;
  /** A line without its end, by a full disk or a power failure. */
  isCutOff: boolean;
}

export class LogEnd {
  /** Behind a whole line. */
  #offset = 0;
  #end: ChainEnd = CHAIN_START;
  #head: Buffer | undefined;
  /**
   * What was written last, until it was seen there, and how all stands behind it if nobody else wrote meanwhile.
   * An entry that could not be written leaves it as it was.
   */
  #own: { line?: Buffer; offset: number; end: ChainEnd | undefined } | undefined;

  /** @param size of the file, in bytes */
  at(fd: number, size: number): Ending {
    const own = this.#own;
    if (own?.end && size === own.offset) {
      this.#offset = size;
      this.#end = own.end;
      this.#head ??= readAt(fd, 0, HEAD);
      this.#own = { offset: size, end: own.end };
      return { end: own.end, isCutOff: false };
    }
    if (own?.end && size < own.offset) this.#end = own.end; // it was emptied, or cut
    return this.#look(fd, size, own?.line, size < (own?.offset ?? 0));
  }

  /** @param before the size of the file as it was seen; other lines may have come since */
  wrote(line: Buffer, before: number, end: ChainEnd | undefined): void {
    this.#own = { line, offset: before + line.length, end };
  }

  /**
   * Whether the entry that was just written is a line of its own. Another writer's may have been cut off between
   * the look at the end and this one, and have no end of its line.
   * @param before the size of the file as it was seen
   */
  isWhole(fd: number, line: Buffer, before: number): boolean {
    const size = fstatSync(fd).size;
    if (size === before + line.length || line[0] === NEWLINE) return true;
    const from = Math.max(before, size - MOST_READ, 1) - 1;
    const bytes = readAt(fd, from, Math.max(0, size - from));
    const at = bytes.lastIndexOf(line);
    return at < 0 || from + at === 0 || bytes[at - 1] === NEWLINE;
  }

  /** The file is another one. */
  moved(): void {
    if (this.#own?.end) this.#end = this.#own.end;
    this.#offset = 0;
    this.#head = undefined;
    this.#own = undefined;
  }

  #look(fd: number, size: number, own: Buffer | undefined, isShorter: boolean): Ending {
    const isSame = this.#head?.equals(readAt(fd, 0, this.#head.length)) ?? false;
    if (size === 0) this.#offset = 0;
    else if (!isSame) return this.#lookAtEnd(fd, size);
    else if (isShorter) this.#offset = size;
    else return this.#lookAtNew(fd, size, own);
    this.#head = undefined;
    return { end: this.#end, isCutOff: size > 0 && readAt(fd, size - 1, 1)[0] !== NEWLINE };
  }

  #lookAtEnd(fd: number, size: number): Ending {
    const lastBytes = (most: number): Buffer => readAt(fd, Math.max(0, size - most), Math.min(size, most));
    let bytes = lastBytes(TAIL);
    const isEnough = (): boolean => bytes.length >= size || linesOf(bytes).length > ENOUGH;
    for (let most = TAIL * 4; !isEnough() && most <= MOST_TAIL; most *= 4) bytes = lastBytes(most);
    const from = bytes.length >= size ? 0 : bytes.indexOf(NEWLINE) + 1;
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    this.#offset = size - bytes.length + whole;
    this.#end = endOf(linesOf(bytes.subarray(from, whole)));
    this.#head = readAt(fd, 0, HEAD);
    this.#own = { offset: this.#offset, end: this.#end };
    return { end: this.#end, isCutOff: whole < bytes.length };
  }

  #lookAtNew(fd: number, size: number, own: Buffer | undefined): Ending {
    if (size - this.#offset > MOST_READ) return this.#lookAtEnd(fd, size);
    const bytes = readAt(fd, this.#offset, size - this.#offset);
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    // where the own one is no more, what follows it here stays as it was
    const isThere = own === undefined || bytes.includes(own);
    if (!isThere && this.#own?.end) this.#end = this.#own.end;
    else for (const line of linesOf(bytes.subarray(0, whole))) this.#end = follow(this.#end, line);
    this.#offset += whole;
    this.#own = { offset: this.#offset, end: this.#end };
    return { end: this.#end, isCutOff: whole < bytes.length };
  }
}

/** Without the empty ones. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    const line = bytes.subarray(at, end < 0 ? bytes.length : end);
    if (line.length > 0) lines.push(line);
    at += line.length + 1;
  }
  return lines;
}

/** Less where the file ends before. */
function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, length > 0 ? readSync(fd, bytes, 0, length, offset) : 0);
}

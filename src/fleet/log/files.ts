/**
 * The lines of a machine's log behind a place, through the files that it was rotated to. The user rotates: a file
 * that is renamed is read to its end, as it is held open; one that was emptied is read from its beginning.
 */
import { closeSync, constants, fstatSync, lstatSync, readdirSync, readSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { linkOf } from "../../audit/chain.ts";
import { backwards, endOfLines, forwards } from "../../audit/lines.ts";
import { openRegular } from "../../platform/files/regular-file.ts";
import { hashOf, type Place } from "./place.ts";

/** Of the beginning, in bytes: the time of the first entry, its id and more. */
const HEAD = 256;
/** Older files that are looked at. */
const MAX_FILES = 100;

interface Opened {
  fd: number;
  dev: number;
  ino: number;
}

export interface Line {
  bytes: Buffer;
  /** Behind it. */
  place: Place;
}

export class LogFiles {
  readonly #path: string;
  #held: Opened | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Where the log ends now. */
  end(): Place {
    const file = this.#open(this.#path);
    if (!file) return beginning({ dev: 0, ino: 0 });
    this.#hold(file);
    const offset = endOfLines(file.fd, fstatSync(file.fd).size);
    const [last] = backwards(file.fd, offset);
    const { seq = 0 } = (last && linkOf(last)) ?? {};
    return { ...beginning(file), offset, seq, head: headOf(file.fd, offset) };
  }

  /** Where the file begins that is written to now. */
  start(): Place | undefined {
    const found = lstatSync(this.#path, { throwIfNoEntry: false });
    return found && beginning(found);
  }

  /** A line is there until the next one is taken. */
  *behind(place: Place): Generator<Line> {
    let at = this.#locate(place);
    while (at) {
      at = yield* this.#rest(at);
      if (this.#isWrittenTo(at)) return;
      // what came between its end and the look at its name
      at = yield* this.#rest(at);
      const next = this.#next(at);
      if (!next) return;
      this.#hold(next);
      at = { ...beginning(next), seq: at.seq, hash: at.hash };
    }
  }

  close(): void {
    if (this.#held) closeSync(this.#held.fd);
    this.#held = undefined;
  }

  /** @returns behind the last line */
  *#rest(place: Place): Generator<Line, Place> {
    const fd = this.#held?.fd;
    if (fd === undefined || fstatSync(fd).size <= place.offset) return place;
    let at = place;
    let { offset } = place;
    for (const bytes of forwards(fd, offset)) {
      offset += bytes.length + 1;
      if (bytes.length === 0) continue;
      const head = at.head.length < HEAD ? headOf(fd, offset) : at.head;
      at = { ...at, offset, head, hash: hashOf(bytes), seq: linkOf(bytes)?.seq ?? at.seq };
      yield { bytes, place: at };
    }
    return { ...at, offset };
  }

  /** The place in its file, which is held from now on; where that is gone, where the next one begins. */
  #locate(place: Place): Place | undefined {
    const file = isIt(place)(this.#held) ? this.#held : this.#search(place);
    if (file) {
      this.#hold(file);
      const isWhole = fstatSync(file.fd).size >= place.offset && hasHead(file.fd, place);
      return isWhole ? place : { ...beginning(file), seq: place.seq, hash: place.hash };
    }
    const next = this.#next(place);
    if (!next) return undefined;
    this.#hold(next);
    return { ...beginning(next), seq: place.seq, hash: place.hash };
  }

  #search(place: Place): Opened | undefined {
    for (const path of [this.#path, ...this.#older()]) {
      if (!isIt(place)(lstatSync(path, { throwIfNoEntry: false }))) continue;
      const file = attempt(() => this.#open(path));
      if (file && isIt(place)(file)) return file;
      if (file) closeSync(file.fd);
    }
    return undefined;
  }

  /** The file behind one that is written to no more: of the older ones that with the next entry, or the log. */
  #next({ dev, ino, seq }: Place): Opened | undefined {
    let next: { file: Opened; first: number } | undefined;
    // where there was no file at all, all that is there now is new
    for (const path of ino === 0 ? [] : this.#older()) {
      const file = attempt(() => this.#open(path));
      if (!file) continue;
      const first = firstSeq(file.fd);
      const isNext = first !== undefined && first > seq && first < (next?.first ?? Number.POSITIVE_INFINITY);
      if (!isNext || isIt({ dev, ino })(file)) closeSync(file.fd);
      else {
        if (next) closeSync(next.file.fd);
        next = { file, first };
      }
    }
    return next?.file ?? this.#open(this.#path);
  }

  /** `log.jsonl.1`, and what else begins so. */
  #older(): string[] {
    const folder = dirname(this.#path);
    const name = `${basename(this.#path)}.`;
    return (attempt(() => readdirSync(folder)) ?? [])
      .filter((one) => one.startsWith(name))
      .slice(0, MAX_FILES)
      .map((one) => join(folder, one));
  }

  #isWrittenTo(place: Place): boolean {
    const named = lstatSync(this.#path, { throwIfNoEntry: false });
    return !named || isIt(place)(named);
  }

  /** Undefined where there is none. @throws FileFault for what is none of the user's own files */
  #open(path: string): Opened | undefined {
    if (!lstatSync(path, { throwIfNoEntry: false })) return undefined;
    const { fd, stats } = openRegular(path, constants.O_RDONLY);
    return { fd, dev: stats.dev, ino: stats.ino };
  }

  #hold(file: Opened): void {
    if (this.#held && this.#held.fd !== file.fd) closeSync(this.#held.fd);
    this.#held = file;
  }
}

function beginning({ dev, ino }: Pick<Opened, "dev" | "ino">): Place {
  return { dev, ino, offset: 0, hash: "", seq: 0, head: { length: 0, hash: hashOf(Buffer.alloc(0)) } };
}

function isIt({ dev, ino }: Pick<Place, "dev" | "ino">) {
  return (file: Pick<Opened, "dev" | "ino"> | undefined): boolean => file?.dev === dev && file.ino === ino;
}

function headOf(fd: number, offset: number): Place["head"] {
  const length = Math.min(HEAD, offset);
  return { length, hash: hashOf(readHead(fd, length)) };
}

function hasHead(fd: number, { head: { length, hash } }: Place): boolean {
  return hashOf(readHead(fd, length)) === hash;
}

function readHead(fd: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, length > 0 ? readSync(fd, bytes, 0, length, 0) : 0);
}

function firstSeq(fd: number): number | undefined {
  for (const line of forwards(fd, 0)) {
    const link = linkOf(line);
    if (link) return link.seq;
  }
  return undefined;
}

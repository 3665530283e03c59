/** The end of the log, as it grows. */
import { closeSync, constants, fstatSync, readSync, statSync } from "node:fs";
import { hasCode } from "../../errors.ts";
import { openRegular } from "../../platform/files/regular-file.ts";

/** What was added to a file since it was last read, also if the file was rotated or emptied in between. */
export class Tail {
  readonly #path: string;
  #fd: number | undefined;
  #offset = 0;
  #rest = Buffer.alloc(0);

  /**
   * @param most how much of what is there already is read, in bytes; the first line may then be a part of one
   */
  constructor(path: string, most = Number.POSITIVE_INFINITY) {
    this.#path = path;
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found || found.size <= most) return;
    this.#fd = openLog(path);
    this.#offset = found.size - most;
  }

  *lines(): Generator<string> {
    yield* this.#added();
    if (!this.#isRotated()) return;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = openLog(this.#path);
    this.#restart();
    yield* this.#added();
  }

  #restart(): void {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
  }

  #isRotated(): boolean {
    const named = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    if (this.#fd === undefined) return named !== undefined;
    return named !== undefined && named.ino !== fstatSync(this.#fd, { bigint: true }).ino;
  }

  *#added(): Generator<string> {
    if (this.#fd === undefined) return;
    if (fstatSync(this.#fd).size < this.#offset) this.#restart();
    const buffer = Buffer.alloc(64 * 1024);
    const read = (fd: number): number => readSync(fd, buffer, 0, buffer.length, this.#offset);
    for (let length = read(this.#fd); length > 0; length = read(this.#fd)) {
      this.#offset += length;
      const bytes = Buffer.concat([this.#rest, buffer.subarray(0, length)]);
      const end = bytes.lastIndexOf("\n") + 1;
      this.#rest = bytes.subarray(end);
      const text = bytes.toString("utf8", 0, end);
      yield* text.split("\n").filter((line) => line !== "");
    }
  }
}

/** Undefined where there is none yet. @throws FileFault for what the guard would not write to: a link, a FIFO */
export function openLog(path: string): number | undefined {
  try {
    return openRegular(path, constants.O_RDONLY).fd;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * A named pipe of the guard's own, for programs that it does not trust: fifo(7). It is opened by what it is and
 * not by its name, which may mean something else by then; and no open waits for the other side.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { makeFifo, O_PATH } from "../libc/descriptors.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_RDWR } = constants;

export class Fifo {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws Error if something is there, or takes its place at once */
  static make(path: string): Fifo {
    makeFifo(path);
    const fd = openSync(path, O_PATH | O_NOFOLLOW);
    if (fstatSync(fd).isFIFO()) return new Fifo(fd);
    closeSync(fd);
    throw new Error(`${path} is no named pipe any more`);
  }

  /** A descriptor that the caller closes. There need be no writer yet. */
  reader(): number {
    return this.#open(O_RDONLY);
  }

  /** The same for writing. @throws Error (ENXIO) if nobody reads */
  writer(): number {
    return this.#open(O_WRONLY);
  }

  /** For both: with it, the other side sees no end while there are no others. */
  both(): number {
    return this.#open(O_RDWR);
  }

  #open(flags: number): number {
    return openSync(`/proc/self/fd/${this.#fd}`, flags | O_NONBLOCK);
  }

  /** What was opened stays open. */
  close(): void {
    closeSync(this.#fd);
  }
}

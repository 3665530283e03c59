/**
 * Named pipes (fifo(7)) for programs that the guard does not trust, and that may write to the folder. What was
 * made is used by what it is and not by its name, which may mean something else by then; and no open waits for
 * the other side.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { makeFifo, O_PATH } from "../libc/descriptors.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, O_RDWR } = constants;

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

/** A folder of pipes. Nothing is made or removed behind a link that was put in its place. */
export class PipeFolder {
  readonly #path: string;
  readonly #fd: number;
  readonly #names: string[] = [];

  private constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }

  /** @throws Error if something is there */
  static make(path: string): PipeFolder {
    mkdirSync(path, { mode: 0o700 });
    return new PipeFolder(path);
  }

  makeFolder(name: string): PipeFolder {
    return PipeFolder.make(this.#at(name));
  }

  makeFifo(name: string): Fifo {
    this.#names.push(name);
    return Fifo.make(this.#at(name));
  }

  #at(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  /** With the pipes that were made here; what else is in there stays, and so it does. */
  remove(): void {
    for (const name of this.#names) attempt(() => unlinkSync(this.#at(name)));
    closeSync(this.#fd);
    attempt(() => rmdirSync(this.#path));
  }
}

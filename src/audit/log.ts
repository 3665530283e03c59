/**
 * The log: JSON lines in a file that only its owner can read.
 *
 * An entry is in the kernel's hands before append() returns, so a decision that was acted on survives `kill
 * -9`; with `sync` it is on the disk. One write() with O_APPEND per line keeps the lines of several guards
 * apart. A file that was renamed or removed, as by logrotate, is noticed at the next entry and made anew. A
 * line that was cut off, by a full disk or a power failure, spoils no other: the next one begins behind it.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  lstatSync,
  readSync,
  type Stats,
  writeSync,
} from "node:fs";
import type { AuditEvent } from "./event.ts";

/** @throws Error for what is no file of the user's own: a link, a FIFO, one that others may write to */
export type OpenLog = (path: string, flags: number) => OpenedLog;

interface OpenedLog {
  fd: number;
  stats: Pick<Stats, "dev" | "ino">;
}

const { O_RDWR, O_APPEND, O_CREAT } = constants;

export class AuditLog {
  readonly path: string;
  readonly #openFile: OpenLog;
  readonly #sync: () => boolean;
  #open: OpenedLog | undefined;

  /**
   * @param openFile opens it, and looks at what it is
   * @param sync whether to wait for the disk with the next entry
   */
  constructor(path: string, openFile: OpenLog, sync = () => false) {
    this.path = path;
    this.#openFile = openFile;
    this.#sync = sync;
  }

  /** @throws Error if the entry could not be written whole */
  append(event: AuditEvent): void {
    const line = Buffer.from(`${JSON.stringify(event)}\n`);
    const { fd } = this.#current();
    const written = writeSync(fd, line);
    if (written !== line.length) {
      this.close(); // opened again, it will be found cut off
      throw new Error(`wrote ${written} of ${line.length} bytes to ${this.path}`);
    }
    if (this.#sync()) fdatasyncSync(fd);
  }

  close(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #current(): OpenedLog {
    if (this.#open) {
      const { dev, ino } = this.#open.stats;
      const named = lstatSync(this.path, { throwIfNoEntry: false });
      if (named?.ino === ino && named.dev === dev) return this.#open;
      this.close();
    }
    this.#open = this.#openFile(this.path, O_RDWR | O_APPEND | O_CREAT);
    const { fd } = this.#open;
    if (isCutOff(fd)) writeSync(fd, "\n");
    return this.#open;
  }
}

/** Whether the last line lacks its end. */
function isCutOff(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
}

const NEWLINE = 0x0a;

/**
 * The log: JSON lines in a file that only its owner can read.
 *
 * An entry is in the kernel's hands before append() returns, so a decision that was acted on survives `kill
 * -9`; with `sync` it is on the disk. One write() with O_APPEND per line keeps the lines of several guards
 * apart. A file that was renamed or removed, as by logrotate, is noticed at the next entry and made anew. A
 * line that was cut off, by a full disk or a power failure, spoils no other: the next one begins behind it.
 */
import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, statSync, writeSync } from "node:fs";
import type { AuditEvent } from "./event.ts";

export class AuditLog {
  readonly path: string;
  readonly #sync: boolean;
  #open: { fd: number; inode: number } | undefined;

  /** @param sync waits for the disk with each entry */
  constructor(path: string, sync = false) {
    this.path = path;
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
    if (this.#sync) fdatasyncSync(fd);
  }

  close(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #current(): { fd: number; inode: number } {
    if (this.#open) {
      const named = statSync(this.path, { throwIfNoEntry: false });
      if (named?.ino === this.#open.inode) return this.#open;
      this.close();
    }
    const fd = openSync(this.path, "a+", 0o600);
    this.#open = { fd, inode: fstatSync(fd).ino };
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

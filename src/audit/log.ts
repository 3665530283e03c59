/**
 * The log: JSON lines in a file that only its owner can read.
 *
 * An entry is in the kernel's hands before append() returns, so a decision that was acted on survives `kill
 * -9`; with `sync` it is on the disk. One write() with O_APPEND per line keeps the lines of several guards
 * apart, and each names the hash of the one before it (chain.ts). A file that was renamed or removed, as by
 * logrotate, is noticed at the next entry and made anew. A line that was cut off, by a full disk or a power
 * failure, spoils no other: the next one begins behind it.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, lstatSync, type Stats, writeSync } from "node:fs";
import { follow, linked } from "./chain.ts";
import { type AuditEvent, eventText } from "./event.ts";
import { LogEnd } from "./log-end.ts";

/** @throws Error for what is no file of the user's own: a link, a FIFO, one that others may write to */
export type OpenLog = (path: string, flags: number) => OpenedLog;

interface OpenedLog {
  fd: number;
  stats: Pick<Stats, "dev" | "ino">;
}

/** How often an entry is written that comes behind a line which another writer did not finish. */
const MAX_TRIES = 5;

const { O_RDWR, O_APPEND, O_CREAT } = constants;

export class AuditLog {
  readonly path: string;
  readonly #openFile: OpenLog;
  readonly #sync: () => boolean;
  readonly #written: (event: AuditEvent, json: string) => void;
  readonly #end = new LogEnd();
  /** What has happened and could not be written yet. */
  readonly #owed: AuditEvent[] = [];
  #open: OpenedLog | undefined;
  /** The file that was written to last. */
  #last: OpenedLog["stats"] | undefined;

  /**
   * @param openFile opens it, and looks at what it is
   * @param sync whether to wait for the disk with the next entry
   * @param written called with each entry that is in the file, as it is there. It must not throw
   */
  constructor(
    path: string,
    openFile: OpenLog,
    sync = () => false,
    written: (event: AuditEvent, json: string) => void = () => {},
  ) {
    this.path = path;
    this.#openFile = openFile;
    this.#sync = sync;
    this.#written = written;
  }

  /** @throws Error if the entry, or one that is owed, could not be written whole */
  append(event: AuditEvent): void {
    for (let owed = this.#owed[0]; owed; owed = this.#owed[0]) {
      this.#append(owed);
      this.#owed.shift();
    }
    this.#append(event);
  }

  /**
   * Writes it as soon as that can be done, before any other: for what does not wait for the log.
   * @returns why it is not there yet
   */
  appendOrOwe(event: AuditEvent): unknown {
    try {
      this.append(event);
      return undefined;
    } catch (error) {
      this.#owed.push(event);
      return error;
    }
  }

  #append(event: AuditEvent): void {
    const json = eventText(event); // before the look at the end: others may write meanwhile
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const entry = this.#write(json);
      if (entry === undefined) continue; // it is in somebody's cut-off line: the next one is not
      this.#written(event, entry);
      return;
    }
    throw new Error(`others write to ${this.path} all the time, and are cut off: is the disk full?`);
  }

  /** @returns the entry; undefined where it was written behind a line that another writer did not finish */
  #write(json: string): string | undefined {
    const { fd, size } = this.#current();
    const { end, isCutOff } = this.#end.at(fd, size);
    const entry = linked(json, end);
    const line = Buffer.from(isCutOff ? `\n${entry}\n` : `${entry}\n`);
    const written = writeSync(fd, line);
    if (written !== line.length) {
      this.close(); // opened again, it will be found cut off
      throw new Error(`wrote ${written} of ${line.length} bytes to ${this.path}`);
    }
    if (this.#sync()) fdatasyncSync(fd);
    if (!this.#end.isWhole(fd, line, size)) return undefined;
    this.#end.wrote(line, size, isCutOff ? undefined : follow(end, line.subarray(0, -1)));
    return entry;
  }

  close(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #current(): { fd: number; size: number } {
    const { dev, ino } = this.#last ?? {};
    if (this.#open) {
      const named = lstatSync(this.path, { throwIfNoEntry: false });
      if (named && named.ino === ino && named.dev === dev) return { fd: this.#open.fd, size: named.size };
      this.close();
    }
    this.#open = this.#openFile(this.path, O_RDWR | O_APPEND | O_CREAT);
    const { fd, stats } = this.#open;
    if (stats.ino !== ino || stats.dev !== dev) this.#end.moved();
    this.#last = { dev: stats.dev, ino: stats.ino };
    return { fd, size: fstatSync(fd).size };
  }
}

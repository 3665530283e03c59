/**
 * What a guard that was killed leaves to the next one: the masters that nobody can reach any more, to be
 * ended, and where the connections of those lead that it had taken over. A file in the guard's private
 * folder.
 *
 * Others of the same user may write to that file, too. So what it says of a connection is a hint: it is shown
 * as claimed, and proves nothing.
 */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode, messageOf } from "../errors.ts";
import type { MasterOrigin } from "../identity/master-destination.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { isProcess } from "../platform/proc/process.ts";
import { signalProcess } from "../platform/proc/signal.ts";
import { findNoSsh } from "../platform/proc/ssh-process.ts";
import { type ProcessId, processKey } from "../policy/request.ts";
import { isMasterRecord, type MasterRecord } from "./master-record.ts";

export class MasterRecords {
  readonly #file: string;
  readonly #report: (line: string) => void;
  readonly #records = new Map<number, MasterRecord>();
  #left: readonly MasterRecord[] = [];
  #told = "";

  /** @param folder private */
  constructor(folder: string, report: (line: string) => void) {
    this.#file = fileIn(folder);
    this.#report = report;
  }

  /**
   * Ends the masters that were left behind, and remembers where the others lead. @returns what was left, also
   * of masters that have ended
   */
  takeOver(): readonly MasterRecord[] {
    const all = readRecords(this.#file, this.#report);
    this.#left = all.filter(({ pid, startTime }) => isProcess(pid, startTime));
    end(this.#left);
    return all;
  }

  add({ pid, startTime }: ProcessId, { destination }: MasterOrigin, opened: boolean): void {
    const kept = destination && { destination };
    this.#records.set(pid, { pid, startTime, opened, paths: [], ...kept });
    this.#write();
  }

  /** The guard listens for it there. */
  addPath(pid: number, path: string): void {
    this.#records.get(pid)?.paths.push(path);
    this.#write();
  }

  /** It does so no more. */
  removePath(pid: number, path: string): void {
    const found = this.#records.get(pid);
    if (!found?.paths.includes(path)) return;
    found.paths.splice(found.paths.indexOf(path), 1);
    this.#write();
  }

  /** The master goes on as another process. */
  move(pid: number, next: ProcessId): void {
    const found = this.#records.get(pid);
    if (!found) return;
    this.#records.delete(pid);
    this.#records.set(next.pid, { ...found, pid: next.pid, startTime: next.startTime });
    this.#write();
  }

  remove(pid: number): void {
    if (this.#records.delete(pid)) this.#write();
  }

  /** Where the connection of the process leads, as a guard before this one may have written. */
  claimOf(process: ProcessId): PlainDestination | undefined {
    return this.#left.find((record) => processKey(record) === processKey(process))?.destination;
  }

  /** A guard that ends in order leaves nothing. */
  close(): void {
    rmSync(this.#file, { force: true, recursive: true });
  }

  /** What can't be written is told of once: a master is guarded all the same. */
  #write(): void {
    const next = `${this.#file}.next`;
    try {
      rmSync(next, { force: true, recursive: true });
      // "x": nobody's link or FIFO
      writeFileSync(next, JSON.stringify([...this.#records.values()]), { mode: 0o600, flag: "wx" });
      renameSync(next, this.#file);
    } catch (error) {
      const line = `muxguard: ${this.#file} can't be written: ${messageOf(error)}`;
      if (line !== this.#told) this.#report(line);
      this.#told = line;
    }
  }
}

/** Ends the masters that a guard left behind which will not come back: a run's own. */
export function endOrphans(folder: string): void {
  end(readRecords(fileIn(folder), () => {}).filter(({ pid, startTime }) => isProcess(pid, startTime)));
}

function end(records: readonly MasterRecord[]): void {
  for (const { opened, ...master } of records)
    if (opened && findNoSsh(master.pid) === undefined) signalProcess(master, "SIGTERM");
}

function fileIn(folder: string): string {
  return join(folder, "masters.json");
}

/** What no guard has written counts for nothing, and is told of. */
function readRecords(file: string, report: (line: string) => void): MasterRecord[] {
  const tell = (reason: string): void =>
    report(`muxguard: what an earlier guard has left behind is not known again: ${reason}`);
  try {
    const found: unknown = JSON.parse(readRegularFile(file));
    const all: unknown[] = Array.isArray(found) ? found : [found];
    const records = all.filter(isMasterRecord);
    if (records.length < all.length) tell(`${file} holds what is no master's`);
    return records;
  } catch (error) {
    if (!hasCode(error, "ENOENT")) tell(messageOf(error));
    return [];
  }
}

/**
 * What a guard that was killed leaves to the next one: the masters that nobody can reach any more, to be
 * ended, and where the connections of those lead that it had taken over. A file in the guard's private
 * folder.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MasterOrigin } from "../identity/master-destination.ts";
import { isProcess } from "../platform/proc/process.ts";
import { findNoSsh } from "../platform/proc/ssh-process.ts";
import { type ProcessId, processKey } from "../policy/request.ts";

export interface MasterRecord extends ProcessId {
  /** Opened by the guard: its socket has no name. */
  opened: boolean;
  /** Where the guard listens for it. */
  paths: string[];
  origin: Omit<MasterOrigin, "login"> & { login?: { hostKey: string; user?: string } };
}

export class MasterRecords {
  readonly #file: string;
  readonly #records = new Map<number, MasterRecord>();
  #left: readonly MasterRecord[] = [];

  /** @param folder private */
  constructor(folder: string) {
    this.#file = fileIn(folder);
  }

  /**
   * Ends the masters that were left behind, and remembers where the others lead. @returns what was left, also
   * of masters that have ended
   */
  takeOver(): readonly MasterRecord[] {
    const all = readRecords(this.#file);
    this.#left = all.filter(({ pid, startTime }) => isProcess(pid, startTime));
    end(this.#left);
    return all;
  }

  /** @param path where the guard listens already */
  add(
    { pid, startTime }: ProcessId,
    { login, ...origin }: MasterOrigin,
    opened: boolean,
    path?: string,
  ): void {
    const kept = login && { login: { ...login, hostKey: login.hostKey.toString("base64") } };
    const paths = path === undefined ? [] : [path];
    this.#records.set(pid, { pid, startTime, opened, paths, origin: { ...origin, ...kept } });
    this.#write();
  }

  addPath(pid: number, path: string): void {
    this.#records.get(pid)?.paths.push(path);
    this.#write();
  }

  remove(pid: number): void {
    if (this.#records.delete(pid)) this.#write();
  }

  /** What the guard before this one knew of the process. */
  originOf(process: ProcessId): MasterOrigin | undefined {
    const found = this.#left.find((record) => processKey(record) === processKey(process));
    if (!found) return undefined;
    const { login, ...origin } = found.origin;
    return {
      ...origin,
      ...(login && { login: { ...login, hostKey: Buffer.from(login.hostKey, "base64") } }),
    };
  }

  /** A guard that ends in order leaves nothing. */
  close(): void {
    rmSync(this.#file, { force: true });
  }

  #write(): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, JSON.stringify([...this.#records.values()]), { mode: 0o600 });
    renameSync(next, this.#file);
  }
}

/** Ends the masters that a guard left behind which will not come back: a run's own. */
export function endOrphans(folder: string): void {
  end(readRecords(fileIn(folder)).filter(({ pid, startTime }) => isProcess(pid, startTime)));
}

function end(records: readonly MasterRecord[]): void {
  for (const { pid, opened } of records) if (opened && findNoSsh(pid) === undefined) process.kill(pid);
}

function fileIn(folder: string): string {
  return join(folder, "masters.json");
}

function readRecords(file: string): MasterRecord[] {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return []; // none, or not whole
  }
}

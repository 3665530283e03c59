/**
 * The names of the masters' own sockets, in the private folder beside their control paths. One that a guard
 * which was killed has left there is taken over again from there: in its place, it could be used by anybody until
 * the guard is before it.
 */
import { lstatSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../attempt.ts";
import { hasCode } from "../errors.ts";
import { OWN_PREFIX, pathOfHidden } from "../platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../platform/sockets/descriptor-socket.ts";
import { remove } from "../platform/sockets/placed-listener.ts";

export class HiddenNames {
  readonly #report: (line: string) => void;
  /** This guard's own. */
  readonly #own = new Set<string>();

  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  add(hidden: string): void {
    this.#own.add(hidden);
  }

  /** Its master is gone. */
  remove(hidden: string): void {
    this.#own.delete(hidden);
    remove(hidden);
  }

  /** If the path is free for it, or has a socket that nobody listens at. */
  putBack(hidden: string): void {
    this.#own.delete(hidden);
    if (this.#isLeft(hidden)) attempt(() => renameSync(hidden, pathOfHidden(hidden))); // it may be gone with its master
  }

  /**
   * After a crash: those of the folder that are nobody's, and lead to a master in whose place nobody listens. What
   * leads nowhere is removed.
   */
  leftIn(folder: string): string[] {
    const hiddenFolder = join(folder, OWN_PREFIX);
    const names = attempt(() => readdirSync(hiddenFolder)) ?? [];
    const left = names.map((name) => join(hiddenFolder, name)).filter((hidden) => !this.#own.has(hidden));
    return left.filter((hidden) => this.#isLeft(hidden));
  }

  /** Whether it leads to a master in whose place nobody listens. What leads nowhere is removed. */
  #isLeft(hidden: string): boolean {
    const path = pathOfHidden(hidden);
    if (isAbandoned(hidden) || isSameFile(hidden, path)) remove(hidden);
    else if (isAbandoned(path)) return true;
    else this.#report(`muxguard: ${path} has a new master; the one from before is at ${hidden}`);
    return false;
  }
}

/** rename(2) does nothing for two names of one file. */
function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => attempt(() => lstatSync(path, { bigint: true })));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}

/** Whether nobody listens any more. One at which too many wait is somebody's. */
function isAbandoned(path: string): boolean {
  try {
    DescriptorSocket.connect(path).destroy();
    return false;
  } catch (error) {
    return hasCode(error, "ECONNREFUSED") || hasCode(error, "ENOENT");
  }
}

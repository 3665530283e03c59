/**
 * Whether files are untouched since they were looked at last, told in 3 µs where stat(2) takes 10 for each. It is
 * there for what is asked before each decision, so it errs on one side only: where it is not sure, it says no, and
 * the files are looked at.
 *
 * inotify tells of a change before the call that makes it returns. What it does not tell of is covered otherwise:
 *
 * - A mount over a folder: the kernel tells of it at /proc/self/mountinfo.
 * - A file that is written through a memory map: who has it open for writing already is seen by a lease; who opens it
 *   later is told of as that.
 * - Another name of the same file, or of a folder above: what is watched are inodes, up to the root.
 * - Changes from another machine or by a program that is a file system, links on the way, files of others, too few
 *   watches: these files are not watched at all.
 */
import { closeSync, constants, lstatSync, type Stats, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../../attempt.ts";
import { hasNoWriter, IN, Inotify } from "../libc/inotify.ts";
import { openRegular } from "./regular-file.ts";

/** Local, and their files have one inode each: ext2 to ext4, xfs, btrfs, tmpfs, f2fs. statfs(2). */
const LOCAL = [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010];

/** When it is tried again after a change, and after it could not be done, in milliseconds. */
const [AGAIN, LATER] = [100, 10_000];

const SELF = IN.MOVE_SELF | IN.DELETE_SELF;
const WAY = SELF | IN.ONLYDIR | IN.DONT_FOLLOW;
/** Of a folder in which something may come up. */
const LIST = WAY | IN.ATTRIB | IN.CREATE | IN.DELETE | IN.MOVED_FROM | IN.MOVED_TO;
const FILE = SELF | IN.ATTRIB | IN.MODIFY | IN.OPEN | IN.CLOSE_WRITE;

export class UntouchedFiles {
  readonly #paths: () => readonly string[];
  #inotify: Inotify | undefined;
  #watches = new Set<number>();
  #isWatching = false;
  #nextTry = Number.NEGATIVE_INFINITY;

  /** @param paths absolute, of files and of folders whose list counts; they need not be there */
  constructor(paths: () => readonly string[]) {
    this.#paths = paths;
  }

  /** Whether nothing has happened since watch() began to. */
  areUntouched(): boolean {
    if (!this.#isWatching) return false;
    if (!this.#inotify?.hasNews()) return true;
    this.#isWatching = false;
    this.#nextTry = performance.now() + AGAIN;
    return false;
  }

  /**
   * Begins to watch, now and then.
   * @param areKnown a look at the files themselves: whether they are as they were
   */
  watch(areKnown: () => boolean): void {
    if (this.#isWatching || performance.now() < this.#nextTry) return;
    const isWatched = attempt(() => this.#begin()) ?? false;
    this.#nextTry = performance.now() + (isWatched ? AGAIN : LATER);
    // what changed before the watches were there
    this.#isWatching = isWatched && areKnown();
  }

  close(): void {
    this.#isWatching = false;
    this.#nextTry = Number.POSITIVE_INFINITY;
    this.#inotify?.close();
    this.#inotify = undefined;
  }

  /** @throws Error where it can't be done */
  #begin(): boolean {
    this.#inotify ??= new Inotify();
    const inotify = this.#inotify;
    inotify.clear();
    const { folders, files } = placesOf(this.#paths());
    const watches = new Set<number>();
    // from the root on: what is watched has not moved since, so neither has what was found below it
    for (const [path, mask] of folders) watches.add(inotify.add(path, mask));
    const areFree = files.every((path) => this.#watchFile(inotify, path, watches));
    for (const watch of this.#watches) if (!watches.has(watch)) inotify.remove(watch);
    this.#watches = watches;
    return areFree;
  }

  /** @returns whether nobody has it open for writing */
  #watchFile(inotify: Inotify, path: string, watches: Set<number>): boolean {
    const { fd } = openRegular(path, constants.O_RDONLY);
    try {
      watches.add(inotify.add(`/proc/self/fd/${fd}`, FILE));
      return hasNoWriter(fd);
    } finally {
      closeSync(fd);
    }
  }
}

interface Places {
  /** What they are watched for, those above first. */
  folders: Map<string, number>;
  files: string[];
}

/** @throws Error for what is not to be watched */
function placesOf(paths: readonly string[]): Places {
  const masks = new Map<string, number>();
  const add = (path: string, mask: number): void => {
    masks.set(path, (masks.get(path) ?? WAY) | mask);
  };
  const files: string[] = [];
  for (const path of paths) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && !found.isDirectory()) files.push(path);
    // what is not there comes up in its folder
    const listed = found?.isDirectory() ? path : dirname(path);
    if (listed === path || !found) {
      add(listed, LIST);
      // an empty folder can be removed while somebody stands in it: only the one above tells
      add(dirname(listed), IN.DELETE);
    }
    for (const folder of waysTo(path)) add(folder, WAY);
  }
  const folders = new Map([...masks].sort(([one], [other]) => one.length - other.length));
  checkLocal([...folders.keys(), ...files]);
  return { folders, files };
}

/** The folders above it, but for the root, which stays where it is. */
function waysTo(path: string): string[] {
  const folder = dirname(path);
  return folder === "/" || folder === path ? [] : [...waysTo(folder), folder];
}

function checkLocal(paths: readonly string[]): void {
  const checked = new Set<Stats["dev"]>();
  for (const path of paths) {
    const { dev } = lstatSync(path);
    if (checked.has(dev)) continue;
    checked.add(dev);
    if (!LOCAL.includes(statfsSync(path).type)) throw new Error(`${path} is on no local file system`);
  }
}

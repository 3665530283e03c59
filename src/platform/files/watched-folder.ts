/**
 * A folder whose changes are told of, for as long as it is wanted. inotify(7) watches an inode: a folder that
 * was removed and made anew, or whose parent was replaced, would be watched no more, in silence. So all that
 * lies above it is watched, too, and the watch begins anew when the path leads to something else.
 *
 * Nothing that goes wrong ends the process. It is told of once, and the folder is looked at again.
 */
import { type FSWatcher, lstatSync, readdirSync, realpathSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import { codeOf, hasCode, messageOf } from "../../errors.ts";

export interface FolderEvents {
  /** What is there, each time that a watch has begun: all of it is to be looked at. */
  found(names: string[]): void | Promise<void>;
  /** Something has changed at the name. */
  changed(name: string): void | Promise<void>;
  /** What went wrong, be it in the two above. Once, until the folder could be looked at. */
  failed(reason: string): void;
}

/** What the system does. Handed in by tests. */
export interface FolderEdges {
  watch(folder: string, listener: (event: string, name: string | null) => void): FSWatcher;
  readdir(folder: string): string[];
  /** How long until a watch that failed is tried again, in milliseconds. */
  retryAfter: number;
}

const system: FolderEdges = { watch, readdir: readdirSync, retryAfter: 10_000 };

/** How often the path may change while a watch begins. The next change starts another. */
const MAX_CHANGES = 10;

export class WatchedFolder {
  readonly path: string;
  readonly #events: FolderEvents;
  readonly #edges: FolderEdges;
  /** What was told of watching it, and of looking at it. */
  readonly #unwatched = new Set<unknown>();
  readonly #unread = new Set<unknown>();
  #watchers: FSWatcher[] = [];
  /** The paths whose change may lead elsewhere. */
  #chain = new Set<string>();
  /** What the path led to when the watch began. */
  #led = "";
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param path absolute; it need not exist */
  constructor(path: string, events: FolderEvents, edges = system) {
    this.path = path;
    this.#events = events;
    this.#edges = edges;
  }

  /** Settles when all that is there now was looked at. Never rejects. */
  start(): Promise<void> {
    this.#watchChain();
    return this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#dropRetry();
    this.#closeWatchers();
  }

  /** The path leads elsewhere by now, or another may read it. */
  #begin(): void {
    if (this.#closed) return;
    this.#watchChain();
    void this.#look(); // never rejects
  }

  #watchChain(): void {
    this.#dropRetry();
    for (let changes = 0; changes < MAX_CHANGES; changes++) {
      this.#closeWatchers();
      this.#chain = chainOf(this.path);
      this.#led = leadsTo(this.#chain);
      for (const path of this.#chain) this.#watch(path);
      if (leadsTo(chainOf(this.path)) !== this.#led) continue;
      if (!this.#retry) this.#unwatched.clear();
      return;
    }
    this.#tryAgain();
  }

  #watch(path: string): void {
    try {
      const watcher = this.#edges.watch(path, (event, name) => this.#event(path, event, name));
      watcher.on("error", (error) => this.#notWatched(path, error));
      this.#watchers.push(watcher);
    } catch (error) {
      this.#notWatched(path, error);
    }
  }

  #notWatched(path: string, error: unknown): void {
    // what comes there later is seen from above
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return;
    const isClosed = hasCode(error, "EACCES");
    // who may not read a folder, as /home on some systems, does not replace what is in it either
    if (path !== this.path && isClosed) return;
    // that it can't be read is for a look to tell
    if (!isClosed) this.#tell(error, this.#unwatched, `${this.path} is only looked at now and then: `);
    this.#tryAgain();
  }

  #event(watched: string, event: string, name: string | null): void {
    if (this.#closed) return;
    if (name === null) {
      this.#begin(); // the system does not say what
      return;
    }
    if (watched === this.path) void this.#act(() => this.#events.changed(name)); // never rejects
    // a folder's own changes come under its own name
    const isOnTheWay = this.#chain.has(join(watched, name)) || name === basename(watched);
    if (isOnTheWay && (event === "rename" || leadsTo(this.#chain) !== this.#led)) this.#begin();
  }

  async #look(): Promise<void> {
    const looked = await this.#act(() => this.#events.found(this.#names()));
    if (looked) this.#unread.clear();
  }

  #names(): string[] {
    try {
      return this.#edges.readdir(this.path);
    } catch (error) {
      if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return []; // it may come
      throw error;
    }
  }

  /** @returns whether it went well */
  async #act(action: () => void | Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      this.#tell(error, this.#unread);
      return false;
    }
  }

  #tell(error: unknown, told: Set<unknown>, words = ""): void {
    const what = codeOf(error) ?? messageOf(error);
    if (this.#closed || told.has(what)) return;
    told.add(what);
    this.#events.failed(words + messageOf(error));
  }

  #tryAgain(): void {
    this.#dropRetry();
    if (!this.#closed) this.#retry = setTimeout(() => this.#begin(), this.#edges.retryAfter).unref();
  }

  #dropRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  #closeWatchers(): void {
    for (const watcher of this.#watchers.splice(0)) watcher.close();
  }
}

/** The folder and all above it, as its path names them and as links lead. */
function chainOf(path: string): Set<string> {
  const real = attempt(() => realpathSync(path)) ?? path;
  return new Set([...withParents(path), ...withParents(real)]);
}

function withParents(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...withParents(parent)];
}

/** Which files these are, and who may do what there. */
function leadsTo(chain: ReadonlySet<string>): string {
  return [...chain].map(identityOf).join("\n");
}

function identityOf(path: string): string {
  try {
    const { dev, ino, mode, uid, birthtimeNs } = lstatSync(path, { bigint: true });
    // the number of an inode that is gone is given to another
    return `${path} ${dev}:${ino} ${birthtimeNs} ${mode} ${uid}`;
  } catch (error) {
    return `${path} ${String(codeOf(error))}`;
  }
}

/**
 * The masters behind the guard, adopted and opened ones alike, each with the sockets at which the guard
 * listens for it. One list of them, and one way to end them.
 *
 * An adopted master has one socket: its own path. One that the guard has opened may have several, for whoever
 * wants the same connection under another path, and for runs.
 */
import type { MasterOrigin } from "../identity/master-destination.ts";
import type { ControlListener } from "../platform/sockets/placed-listener.ts";
import type { ProcessId } from "../policy/request.ts";
import type { Master } from "./master.ts";

export interface GuardedMaster {
  readonly kind: "adopted" | "opened";
  readonly master: Master;
  /** Where its connection leads. */
  readonly origin: MasterOrigin;
  /** As whoever opened it first named the host. */
  readonly host?: string;
  /** Where it was made inside of a run, which alone may use it then. */
  readonly inside?: Inside;
}

/** The run that a master was made in; without an id where that is none of this guard's, or several are. */
export interface Inside {
  readonly id?: string;
  /** What held the run is gone: nobody can be in it any more. */
  readonly isOver?: true;
}

/** What is kept of them for a guard that comes after this one was killed. */
export interface Book {
  add(process: ProcessId, origin: MasterOrigin, opened: boolean): void;
  addPath(pid: number, path: string): void;
  removePath(pid: number, path: string): void;
  move(pid: number, next: ProcessId): void;
  remove(pid: number): void;
}

/** One line of the list: a socket, or a master that nobody can reach now. */
export interface ListedMaster {
  path: string;
  origin: "adopted" | "opened";
  master: Master;
}

export interface Ended {
  path: string;
  /** Where the connection goes on: it was one path of several. */
  remaining: string[];
}

export class MasterRegistry {
  readonly #book: Book;
  /** Those too that take no more clients, until they end. */
  readonly #masters = new Map<GuardedMaster, Set<ControlListener>>();

  constructor(book: Book) {
    this.#book = book;
  }

  /**
   * Takes care of a master that has not stopped.
   * @param stopped called once, when it takes no more clients
   */
  add(guarded: GuardedMaster, stopped: () => void = () => {}): void {
    const { master, origin, kind } = guarded;
    this.#masters.set(guarded, new Set());
    this.#book.add(master.process, origin, kind === "opened");
    master.listen({
      stopped: () => {
        // whoever is connected stays: sessions go on after -O stop, and end with the master
        for (const listener of this.#listeners(guarded)) this.#forget(guarded, listener, "stop");
        // one that was opened has no name: if the guard is killed, the next one must end it
        if (kind === "adopted") this.#book.remove(master.pid);
        stopped();
      },
      moved: (before) => this.#book.move(before.pid, master.process),
      ended: () => {
        this.#masters.delete(guarded);
        this.#book.remove(master.pid);
      },
    });
  }

  /** The guard listens for the master there. */
  listen(guarded: GuardedMaster, listener: ControlListener): void {
    for (const other of this.#listeners(guarded))
      if (!other.isInPlace()) this.#forget(guarded, other, "close");
    this.#masters.get(guarded)?.add(listener);
    this.#book.addPath(guarded.master.pid, listener.path);
  }

  /** The one that can be reached at the path. */
  at(path: string): GuardedMaster | undefined {
    return this.#find(path)?.guarded;
  }

  /** The paths at which it can be reached. */
  pathsOf(guarded: GuardedMaster): string[] {
    return this.#listeners(guarded).flatMap((listener) => (listener.isInPlace() ? listener.path : []));
  }

  /** Those that take clients. */
  all(): GuardedMaster[] {
    return [...this.#masters.keys()].filter(({ master }) => !master.hasStopped);
  }

  /** Those too that take no more clients, and have not ended. */
  everyone(): GuardedMaster[] {
    return [...this.#masters.keys()];
  }

  list(): ListedMaster[] {
    return this.all().flatMap((guarded) => {
      const { kind, master, host } = guarded;
      const paths = this.pathsOf(guarded);
      // one that runs have used, and nobody does now
      const places = paths.length === 0 && host !== undefined ? [`to ${host}`] : paths;
      return places.map((path) => ({ path, origin: kind, master }));
    });
  }

  /**
   * Ends the opened master that is at the path; where it has other paths, too, that path alone.
   * @returns undefined if there is none
   */
  endAt(path: string): Ended | undefined {
    const found = this.#find(path);
    if (found?.guarded.kind !== "opened") return undefined;
    this.#forget(found.guarded, found.listener, "close");
    const remaining = this.pathsOf(found.guarded);
    if (remaining.length === 0) void found.guarded.master.end(); // never rejects
    return { path, remaining };
  }

  /** Ends the masters that were opened for the host, whatever their paths. @returns how many */
  endHost(host: string): number {
    const found = this.all().filter((guarded) => guarded.kind === "opened" && guarded.host === host);
    for (const { master } of found) void master.end(); // never rejects
    return found.length;
  }

  /** Ends the masters that were made inside of the run. Their paths are free at once. */
  endRun(id: string): void {
    for (const guarded of this.everyone()) if (guarded.inside?.id === id) this.endNow(guarded);
  }

  /** Its paths are free before it has ended. */
  endNow({ master }: GuardedMaster): void {
    master.stopped();
    void master.end(); // never rejects
  }

  /** Listens there no more; the master stays. */
  stop(path: string): void {
    for (const [guarded] of this.#masters)
      for (const listener of this.#listeners(guarded))
        if (listener.path === path) this.#forget(guarded, listener, "close");
  }

  /**
   * Gives adopted ones their sockets back, and ends those that were opened: nobody else could reach them. Ends
   * those that were made inside of a run, too: unguarded, everybody would use what that run has made.
   * @param giveBack for an adopted one and its listener
   * @param endsAll whether the adopted ones end, too
   * @throws Error where one could not be given back; all else is done
   */
  async close(
    giveBack: (guarded: GuardedMaster, listener: ControlListener) => void,
    endsAll = false,
  ): Promise<void> {
    const faults: unknown[] = [];
    const all = [...this.#masters].map(([guarded, listeners]) => ({ guarded, listeners: [...listeners] }));
    const isKept = ({ kind, inside }: GuardedMaster): boolean => kind === "adopted" && !inside && !endsAll;
    for (const { guarded, listeners } of all) {
      for (const listener of listeners) {
        try {
          if (isKept(guarded)) giveBack(guarded, listener);
        } catch (error) {
          faults.push(error);
        }
        listener.close();
      }
      if (!isKept(guarded)) guarded.master.stopped(); // its hidden name goes
    }
    await Promise.all(all.map(({ guarded }) => (isKept(guarded) ? undefined : guarded.master.end())));
    for (const { guarded } of all) guarded.master.release();
    this.#masters.clear();
    if (faults.length > 0) throw faults[0];
  }

  #find(path: string): { guarded: GuardedMaster; listener: ControlListener } | undefined {
    for (const guarded of this.all())
      for (const listener of this.#listeners(guarded))
        if (listener.path === path && listener.isInPlace()) return { guarded, listener };
    return undefined;
  }

  #listeners(guarded: GuardedMaster): ControlListener[] {
    return [...(this.#masters.get(guarded) ?? [])];
  }

  #forget(guarded: GuardedMaster, listener: ControlListener, how: "stop" | "close"): void {
    listener[how]();
    this.#masters.get(guarded)?.delete(listener);
    this.#book.removePath(guarded.master.pid, listener.path);
  }
}

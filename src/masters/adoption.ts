/**
 * Taking over masters that ssh made by itself (`ControlMaster auto`): the master's socket gets another name
 * in a private folder beside it, and the guard listens at the control path. The master carries on, and its
 * exit takes the guard's listener away, as it would its own.
 *
 * Only a socket at which an ssh process of this user listens is taken over. Anything else stays as it is, and
 * is told of.
 *
 * A master that was made inside of a run leads where that run likes. Nobody vouches for it: what is outside of
 * the run is sent away there. It ends with the run. Were it left alone, ssh would find it at the control path
 * all the same.
 */
import { existsSync, linkSync, lstatSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { messageOf } from "../errors.ts";
import type { MasterOrigin } from "../identity/master-destination.ts";
import { ensurePrivateFolder, makeFolders } from "../platform/files/private-folder.ts";
import { WatchedFolder } from "../platform/files/watched-folder.ts";
import { ENDED, findNoSsh } from "../platform/proc/ssh-process.ts";
import { ProcessGone } from "../platform/proc/table/open-stat.ts";
import { checkControlFolder, hiddenName, pathOfHidden } from "../platform/sockets/control-socket.ts";
import { checkMaster, holdersOf, type Listener, listenerAt } from "../platform/sockets/holders.ts";
import type { ProcessId, Whereabouts } from "../policy/request.ts";
import { identityOf, isCandidate, isControlFolder } from "./candidates.ts";
import type { Ending } from "./ending.ts";
import { HiddenNames } from "./hidden-names.ts";
import { bothInside, INSIDE, MadeInside } from "./inside.ts";
import { findMaster, hold, onceVerified, placeMaster, type ServeClient } from "./placing.ts";
import type { GuardedMaster, Inside, MasterRegistry } from "./registry.ts";

export interface AdoptionParts {
  registry: MasterRegistry;
  ending: Ending;
  serve: ServeClient;
  /**
   * What is known of a master process, and of the one that started it. @throws ProcessGone if the master has
   * ended
   */
  originOf(pid: number, starter: number): KnownMaster;
  /** @throws ProcessGone */
  identify(pid: number): ProcessId;
  /** The run that any of these processes is in, undefined for none. */
  runAround(pids: readonly number[]): Inside | undefined;
  whereabouts(origin: MasterOrigin): Promise<Whereabouts>;
  report(line: string): void;
}

export interface KnownMaster {
  maker: ProcessId;
  origin: MasterOrigin;
  /** When the process began that logged in, in milliseconds since the machine started. */
  since: number;
}

export class Adoption {
  readonly #parts: AdoptionParts;
  readonly #folders = new Map<string, WatchedFolder>();
  /** Those of them that nobody has named. */
  readonly #usual = new Set<string>();
  readonly #hidden: HiddenNames;
  /** Sockets that were left alone, and told of. */
  readonly #refused = new Map<string, string>();
  readonly #busy = new Map<string, Promise<string | undefined>>();

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
    this.#hidden = new HiddenNames(parts.report);
  }

  /**
   * Takes over what is in the folder, and what comes, as long as the guard runs. A folder that others may
   * write to, or that can't be read, is told of, and looked at again when that has changed. Never rejects.
   */
  async watch(folder: string): Promise<void> {
    const failed = (reason: string): void => this.#parts.report(`muxguard: ${reason}`);
    this.#usual.delete(folder);
    if (this.#folders.has(folder)) return;
    try {
      makeFolders(folder);
    } catch (error) {
      failed(messageOf(error));
    }
    await this.#watch(folder, failed);
  }

  /**
   * The same for a folder that nobody has named: it is not made, and what is there that is no master's is
   * nobody's concern. So nothing is told of it.
   */
  async watchUsual(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    this.#usual.add(folder);
    await this.#watch(folder, () => {});
  }

  /** Those that are watched, and in which masters may be taken over. */
  watched(): string[] {
    return [...this.#folders.keys()].filter((folder) => !existsSync(folder) || isControlFolder(folder));
  }

  async #watch(folder: string, failed: (reason: string) => void): Promise<void> {
    const watched = new WatchedFolder(folder, {
      found: (names) => this.#look(folder, names),
      changed: (name) => (isCandidate(name) ? this.#adoptOrReport(join(folder, name)) : undefined),
      failed,
    });
    this.#folders.set(folder, watched);
    await watched.start();
  }

  /** @throws Error for a folder that others may write to */
  async #look(folder: string, names: readonly string[]): Promise<void> {
    if (!existsSync(folder)) return; // it may come
    checkControlFolder(folder);
    for (const path of [...this.#refused.keys()]) if (dirname(path) === folder) this.#refused.delete(path);
    await this.#adoptLeft(folder);
    await Promise.all(names.filter(isCandidate).map((name) => this.#adoptOrReport(join(folder, name))));
  }

  /** After a crash: a master that was taken over by its path alone. @throws Error where it can't be read */
  async recover(path: string): Promise<void> {
    if (this.#folders.has(dirname(path))) return;
    await this.#adoptLeft(dirname(path));
    await this.#adoptOrReport(path);
  }

  /**
   * Because somebody says so: one that was made inside of a run is refused.
   * @throws Error that says why the socket is left alone
   */
  async take(path: string): Promise<void> {
    const reason = await this.adopt(path, "from outside");
    const isInside = this.#parts.registry.at(path)?.inside !== undefined;
    if (reason !== undefined || isInside) throw new Error(`${path} is left alone: ${reason ?? INSIDE}`);
  }

  /** What a guard that was killed has left there. What can't be taken over is put back in its place, and told of. */
  async #adoptLeft(folder: string): Promise<void> {
    const left = this.#hidden.leftIn(folder);
    await Promise.all(left.map((hidden) => this.adopt(pathOfHidden(hidden), "any", hidden)));
  }

  /** @throws Error where nothing can be said about the path */
  async #adoptOrReport(path: string): Promise<void> {
    // what it makes and puts back there changes the folder: what is there now is seen once it is over
    await this.#busy.get(path);
    const socket = identityOf(path);
    if (socket === undefined || this.#refused.get(path) === socket) return;
    const reason = await this.adopt(path);
    if (reason === undefined || reason === GONE || reason === OWN) return;
    // putting it back is a change of the folder, too: it must not be tried again and again
    this.#refused.set(path, socket);
    if (!this.#usual.has(dirname(path))) this.#parts.report(`muxguard: ${path} is left alone: ${reason}`);
  }

  /**
   * Never rejects.
   * @param left the other name of its socket, where a guard that was killed was in its place
   * @returns why the socket is left alone; undefined if it is guarded now
   */
  adopt(path: string, which: "from outside" | "any" = "any", left?: string): Promise<string | undefined> {
    const busy = this.#busy.get(path);
    if (busy) return busy;
    const adopting = this.#adopt(path, which, left)
      .catch(messageOf)
      .finally(() => this.#busy.delete(path));
    this.#busy.set(path, adopting);
    return adopting;
  }

  /** @param seen the run that its master was found in, when it was looked at before */
  async #adopt(
    path: string,
    which: "from outside" | "any",
    left?: string,
    seen?: Inside,
  ): Promise<string | undefined> {
    if (this.#parts.registry.at(path)) return undefined;
    const hidden = left ?? hiddenName(path);
    this.#hidden.add(hidden);
    const before = identityOf(left ?? path);
    try {
      const reason = await this.#takeOver(path, which, hidden, left ?? path, seen);
      if (reason !== undefined) this.#hidden.putBack(hidden);
      return reason;
    } catch (error) {
      this.#hidden.putBack(hidden);
      if (seen !== undefined || !(error instanceof MadeInside) || identityOf(path) !== before) throw error;
      return this.#adopt(path, which, undefined, error.inside);
    }
  }

  /** @param socket where the master listens: at the path, or at its other name already */
  async #takeOver(
    path: string,
    which: "from outside" | "any",
    hidden: string,
    socket: string,
    seen: Inside | undefined,
  ): Promise<string | undefined> {
    const found = lstatSync(socket, { throwIfNoEntry: false });
    if (!found?.isSocket()) return GONE;
    if (found.uid !== userInfo().uid) return "another user's socket";
    checkControlFolder(dirname(path));
    const listener = listenerAt(socket);
    if (!listener) return GONE;
    const pid = listener.uid === found.uid ? listener.pid : 0;
    if (pid === process.pid) return OWN;
    const fault = findNoSsh(pid);
    if (fault !== undefined && fault !== ENDED) return `the one who listens there is ${fault}`;
    if (listener.socket === "") return "the one who listens there is in another network namespace";
    // read now: with ControlPersist the process soon has another command line, and becomes a client of its
    // own child
    const known = fault === undefined ? this.#known(pid, pid) : undefined;
    const master = known ?? this.#known(await findMaster(path, socket, listener), pid);
    if (!master) return GONE;
    // the one who made the socket, the one who has it by now, and whoever else could answer there
    const around = this.#parts.runAround([pid, master.maker.pid, ...holdersOf(path, listener.socket)]);
    const inside = bothInside(seen, around);
    if (inside && which === "from outside") return INSIDE;
    ensurePrivateFolder(dirname(hidden));
    if (socket !== hidden) linkSync(path, hidden);
    await this.#place(path, hidden, master, listener, inside);
    if (inside && this.#parts.registry.at(path))
      this.#parts.report(`muxguard: ${path} was ${INSIDE}, which alone may use it`);
    return undefined;
  }

  /** Undefined for a process that has ended: with `-f` the one that made the socket does so at any moment. */
  #known(pid: number, starter: number): KnownMaster | undefined {
    try {
      return this.#parts.originOf(pid, starter);
    } catch (error) {
      if (error instanceof ProcessGone) return undefined;
      throw error;
    }
  }

  async #place(
    path: string,
    hidden: string,
    known: KnownMaster,
    { socket }: Listener,
    inside?: Inside,
  ): Promise<void> {
    const { registry, ending, serve, whereabouts, identify, runAround } = this.#parts;
    const { maker, origin, since } = known;
    const serveIn: ServeClient = (socket, accepted, master) => serve(socket, accepted, master, inside);
    const { master, listener } = await placeMaster(path, serveIn, {
      hidden: hold(hidden, socket),
      maker,
      check: (pid) => {
        // the one who made it may have ended before it was looked at, and its child not have been listed yet
        const around = inside ? undefined : runAround([pid]);
        if (around) throw new MadeInside(around);
        checkMaster(pid, path, socket); // comes behind: what has ended is in no run, and no master
      },
      identify,
      whereabouts: onceVerified(() => whereabouts(origin)),
    });
    const guarded: GuardedMaster = { kind: "adopted", master, origin, ...(inside && { inside }) };
    registry.add(guarded, () => this.#hidden.remove(hidden));
    registry.listen(guarded, listener);
    // found after the end of its run: nobody could use it, and nobody would end it
    if (inside && runAround([master.pid])?.isOver) registry.endNow(guarded);
    await ending.endLate(guarded, since);
  }

  /** Settles when what is being taken over now has been. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#busy.values());
  }

  /** Takes over no more. Settles when nothing is being taken over. */
  async close(): Promise<void> {
    for (const folder of this.#folders.values()) folder.close();
    await this.settled();
  }
}

/** Nothing to be told of: a socket that nobody listens at, or that is gone again. */
const GONE = "nobody listens there";
const OWN = "the guard listens there already";

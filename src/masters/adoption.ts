/**
 * Taking over masters that ssh made by itself (`ControlMaster auto`): the master's socket gets another name
 * in a private folder beside it, and the guard listens at the control path. The master carries on, and its
 * exit takes the guard's listener away, as it would its own.
 *
 * Only a socket at which an ssh process of this user listens is taken over. Anything else stays as it is, and
 * is told of.
 */

import {
  type FSWatcher,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  unlinkSync,
  watch,
} from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { messageOf } from "../errors.ts";
import { probeMaster } from "../guard/mux/probe.ts";
import type { MasterOrigin } from "../identity/master-destination.ts";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";
import { peerCredentials } from "../platform/libc/sockets.ts";
import { ProcessGone } from "../platform/proc/process.ts";
import { checkMaster, ENDED, findNoSsh } from "../platform/proc/ssh-process.ts";
import {
  checkControlFolder,
  HiddenSocket,
  hiddenName,
  OWN_PREFIX,
  pathOfHidden,
  remove,
} from "../platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../platform/sockets/descriptor-socket.ts";
import type { ProcessId, Whereabouts } from "../policy/request.ts";
import type { Master } from "./master.ts";
import type { Masters, Placed, ServeClient } from "./masters.ts";

export interface AdoptionParts {
  masters: Masters;
  serve: ServeClient;
  /**
   * What is known of a master process, and of the one that started it. @throws ProcessGone if the master has
   * ended
   */
  originOf(pid: number, starter: number): KnownMaster;
  /** Called when a master is guarded, and when it has ended. */
  guarded(pid: number, origin: MasterOrigin, path: string): void;
  ended(pid: number): void;
  whereabouts(origin: MasterOrigin): Promise<Whereabouts>;
  report(line: string): void;
}

export interface KnownMaster {
  maker: ProcessId;
  origin: MasterOrigin;
}

/** The name under which ssh binds its socket, before it has its place: muxserver_listen() of mux.c. */
const temporaryName = /\.[A-Za-z0-9]{16}$/;

export class Adoption {
  readonly #parts: AdoptionParts;
  readonly #watchers = new Map<string, FSWatcher>();
  /** Sockets that were left alone, and told of. */
  readonly #refused = new Map<string, bigint>();
  readonly #busy = new Map<string, Promise<string | undefined>>();

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  /** Takes over what is in the folder, and what comes. @throws Error for a folder that others may write to */
  async watch(folder: string): Promise<void> {
    if (this.#watchers.has(folder)) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    checkControlFolder(folder);
    const watcher = watch(folder, (_, name) => {
      if (name !== null && isCandidate(name)) void this.#adoptOrReport(join(folder, name));
    });
    watcher.on("error", (error) =>
      this.#parts.report(`muxguard: ${folder} is not watched any more: ${error.message}`),
    );
    this.#watchers.set(folder, watcher);
    await this.#findAgain(folder);
    const names = readdirSync(folder).filter(isCandidate);
    await Promise.all(names.map((name) => this.#adoptOrReport(join(folder, name))));
  }

  /** After a crash: a master that was taken over by its path alone. */
  async recover(path: string): Promise<void> {
    if (this.#watchers.has(dirname(path))) return;
    await this.#findAgain(dirname(path));
    await this.#adoptOrReport(path);
  }

  async #adoptOrReport(path: string): Promise<void> {
    const inode = inodeOf(path);
    if (inode === undefined || this.#refused.get(path) === inode) return;
    const reason = await this.adopt(path);
    if (reason === undefined || reason === GONE || reason === OWN) return;
    // putting it back is a change of the folder, too: it must not be tried again and again
    this.#refused.set(path, inode);
    this.#parts.report(`muxguard: ${path} is left alone: ${reason}`);
  }

  /** @returns why the socket is left alone; undefined if it is guarded now */
  adopt(path: string): Promise<string | undefined> {
    const busy = this.#busy.get(path);
    if (busy) return busy;
    const adopting = this.#adopt(path)
      .catch(messageOf)
      .finally(() => this.#busy.delete(path));
    this.#busy.set(path, adopting);
    return adopting;
  }

  async #adopt(path: string): Promise<string | undefined> {
    if (this.#parts.masters.at(path)) return undefined;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isSocket()) return GONE;
    if (found.uid !== userInfo().uid) return "another user's socket";
    checkControlFolder(dirname(path));
    const pid = listenerOf(path);
    if (pid === undefined) return GONE;
    if (pid === process.pid) return OWN;
    const fault = findNoSsh(pid);
    if (fault !== undefined && fault !== ENDED) return `the one who listens there is ${fault}`;
    // read now: with ControlPersist the process soon has another command line, and becomes a client of its
    // own child
    const known = fault === undefined ? this.#known(pid, pid) : undefined;
    const master = known ?? this.#known(await findMaster(path), pid);
    if (!master) return GONE;
    const hidden = hiddenName(path);
    ensurePrivateFolder(dirname(hidden));
    linkSync(path, hidden);
    await this.#place(path, hidden, master);
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

  async #place(path: string, hidden: string, { maker, origin }: KnownMaster): Promise<void> {
    const { masters, serve, whereabouts, guarded, ended } = this.#parts;
    let placed: Master;
    try {
      const { master } = await masters.place(
        {
          path,
          hidden: HiddenSocket.at(hidden),
          maker,
          check: (pid) => checkMaster(pid, path),
          whereabouts: onceVerified(() => whereabouts(origin)),
          serve,
        },
        (pid) => {
          remove(hidden);
          ended(pid);
        },
      );
      placed = master;
    } catch (error) {
      putBack(hidden, path);
      throw error;
    }
    guarded(placed.pid, origin, path);
  }

  /** After a crash: masters that were hidden. */
  async #findAgain(folder: string): Promise<void> {
    const hiddenFolder = join(folder, OWN_PREFIX);
    for (const name of readNames(hiddenFolder)) {
      const hidden = join(hiddenFolder, name);
      const path = pathOfHidden(hidden);
      if (listenerOf(hidden) === undefined) remove(hidden);
      else if (listenerOf(path) !== undefined)
        this.#parts.report(`muxguard: ${path} has a new master; the one from before is at ${hidden}`);
      else putBack(hidden, path);
    }
  }

  /** Puts the masters' own sockets back in their places. */
  async close(): Promise<void> {
    for (const watcher of this.#watchers.values()) watcher.close();
    await Promise.allSettled(this.#busy.values());
    for (const placed of this.#parts.masters.all()) giveBack(placed);
  }
}

/** A connection stays where it leads: once that is known, it is known. */
function onceVerified(resolve: () => Promise<Whereabouts>): () => Promise<Whereabouts> {
  let known: Whereabouts | undefined;
  return async () => {
    if (known) return known;
    const found = await resolve();
    if (found.destination?.verified) known = found;
    return found;
  };
}

/** Nothing to be told of: a socket that nobody listens at, or that is gone again. */
const GONE = "nobody listens there";
const OWN = "the guard listens there already";

function isCandidate(name: string): boolean {
  return !name.startsWith(OWN_PREFIX) && !temporaryName.test(name);
}

function giveBack({ path, listener, master }: Placed): void {
  const { name } = master.hidden;
  if (name !== undefined && listener.isInPlace()) renameSync(name, path);
  else if (name !== undefined) remove(name);
  listener.close();
  master.release();
}

/** If the path is still free for it, or ours. */
function putBack(hidden: string, path: string): void {
  try {
    if (listenerOf(hidden) === undefined) unlinkSync(hidden);
    else renameSync(hidden, path);
  } catch {
    // gone together with its master
  }
}

/**
 * The process that listened when the socket was made; undefined if nobody listens any more. SO_PEERCRED,
 * unix(7).
 */
function listenerOf(path: string): number | undefined {
  try {
    const probe = DescriptorSocket.connect(path);
    try {
      const { pid, uid } = peerCredentials(probe.fd);
      return uid === userInfo().uid ? pid : 0;
    } finally {
      probe.destroy();
    }
  } catch {
    return undefined;
  }
}

/** The process that took the socket over from the one that made it, and ended: ControlPersist. */
async function findMaster(path: string): Promise<number> {
  const { pid } = await probeMaster(DescriptorSocket.connect(path));
  checkMaster(pid, path);
  return pid;
}

function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // nothing was hidden here
  }
}

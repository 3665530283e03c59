/** Unix sockets that only their owner can reach. unix(7). */

import { EventEmitter } from "node:events";
import { closeSync, constants, lstatSync, openSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { attempt } from "../../attempt.ts";
import { hasCode, messageOf } from "../../errors.ts";
import { toStderr } from "../../to-stderr.ts";
import { O_PATH } from "../libc/descriptors.ts";
import { isAllRead, type PeerCredentials, peerCredentials, takeNoDescriptors } from "../libc/sockets.ts";
import { giveName, keepName } from "./kept-name.ts";
import { leadsHere } from "./listening-socket.ts";
import { lackOfRoom, mostTold, type Whose } from "./room.ts";

export interface Listener {
  path: string;
  /** Whether the path still leads here. */
  isInPlace(): boolean;
  /** Listens there anew, in one step for those who come: what is at the path gives way. */
  putBack(): Promise<void>;
  /** Stops listening and ends the connections. */
  close(): Promise<void>;
}

/** A connection, and who made it. */
export interface Accepted extends PeerCredentials {
  /** Valid as long as the socket is not destroyed. */
  descriptor: number;
  /** On performance.now()'s clock, in milliseconds. */
  acceptedAt: number;
}

/** A connection to one of the sockets of this process that nobody serves. */
export interface Refusal extends Accepted {
  path: string;
  /** What there is too little of, in words; absent where it is another user's, root's too. */
  lack?: string;
}

/** Where the connections are told of that are closed at once, for a guard to write down. */
export const refusals = new EventEmitter<{ refused: [Refusal] }>();

const BACKLOG = 1024;

/** sun_path holds 108 bytes on Linux, with the NUL at its end. */
const MAX_PATH = 107;

export interface ListenOptions {
  /**
   * The descriptor of a socket that listens there already: inherited.ts. Its name stays when this process
   * ends, for whoever has made it.
   */
  inherited?: number | undefined;
  /** Whose connections come there. */
  whose?: Whose;
  /** How many descriptors a client needs beside its connection. */
  needs?: () => number;
  /** Tells a client that it is not served, in its protocol. It is closed soon after. */
  turnAway?: (socket: Socket, lack: string) => void;
}

/**
 * Listens at the path, in a folder that only the owner can reach. Connections of other users are closed at
 * once, root's too.
 * @throws Error if the path is too long, or somebody listens there already
 */
export async function listenPrivately(
  path: string,
  serve: Serve,
  options: ListenOptions = {},
): Promise<Listener> {
  checkLength(path);
  if (options.inherited === undefined) await removeStale(path);
  const listener = new PrivateListener(path, serve, options);
  await listener.listen();
  return listener;
}

type Serve = (socket: Socket, accepted: Accepted) => void;

/** How long who was turned away may take to read that, in milliseconds. */
const TOLD_FOR = 1000;
/** Those who were turned away, and have not gone. */
const told = new Set<Socket>();

class PrivateListener implements Listener {
  readonly path: string;
  readonly #serve: Serve;
  readonly #options: ListenOptions;
  readonly #uid = userInfo().uid;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #inode = 0n;
  /** Whether the name is another's to take away. */
  #isLent = false;
  #closed = false;

  constructor(path: string, serve: Serve, options: ListenOptions) {
    this.path = path;
    this.#serve = serve;
    this.#options = options;
  }

  async listen(): Promise<void> {
    const { inherited } = this.#options;
    this.#isLent = inherited !== undefined;
    this.#server = await (inherited === undefined ? this.#bind(this.path) : this.#takeOver(inherited));
    this.#inode = inodeOf(this.path) ?? 0n;
  }

  /** Listening anew makes this process the one that the kernel names to those who connect. */
  async #takeOver(fd: number): Promise<Server> {
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ fd, backlog: BACKLOG }, resolve);
    });
    server.on("error", () => {}); // as in #bind()
    takeNoDescriptors(fd);
    if (leadsHere(this.path)) return server;
    server.close();
    throw new Error(`${this.path} is not the socket that was handed over: it was removed, or replaced`);
  }

  isInPlace(): boolean {
    return inodeOf(this.path) === this.#inode;
  }

  async putBack(): Promise<void> {
    const folder = openSync(dirname(this.path), O_PATH | constants.O_DIRECTORY);
    // short, however long the path is. One that is left behind is known by its end: runs/folders.ts
    const name = `.${process.pid}.${process.hrtime.bigint().toString(36)}.new`;
    const bound = `/proc/self/fd/${folder}/${name}`;
    let server: Server | undefined;
    try {
      server = await this.#bind(bound);
      if (this.#closed) return void server.close();
      // a server that closes removes what is at its path, whosever that is by now: so it goes first
      this.#server?.close();
      this.#inode = inodeOf(bound) ?? 0n;
      this.#isLent = false;
      renameSync(bound, this.path);
      this.#server = server;
    } catch (error) {
      server?.close();
      throw error;
    } finally {
      closeSync(folder); // nothing else ever has that name
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const isOurs = !this.#isLent && this.isInPlace();
    await new Promise<void>((resolve) => {
      if (!this.#server) return resolve();
      // as in putBack(): another's gets its name back at once
      const kept = isOurs ? undefined : attempt(() => keepName(this.path));
      this.#server.close(() => resolve());
      if (kept !== undefined) attempt(() => giveName(kept, this.path));
      for (const socket of this.#sockets) socket.destroy();
    });
    if (isOurs && this.isInPlace()) rmSync(this.path, { force: true });
  }

  async #bind(path: string): Promise<Server> {
    const server = createServer((socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      // bound within this call, with mode 0600: there is nothing to change of it, which may be gone at once
      const before = process.umask(0o177);
      server.listen({ path, backlog: BACKLOG }, resolve);
      process.umask(before);
      // Node's read() drops what is passed, and the kernel closes it in this thread: for as long as SO_LINGER says
      const descriptor = descriptorOf(server);
      if (descriptor !== undefined) takeNoDescriptors(descriptor);
    });
    server.on("error", () => {}); // no descriptors left for one more connection: the next may find some
    return server;
  }

  #accept(socket: Socket): void {
    const accepted = acceptedFrom(socket);
    if (accepted?.uid !== this.#uid) {
      refuse(socket, this.path, accepted);
      return;
    }
    const { whose, needs = () => 0, turnAway } = this.#options;
    const lack = lackOfRoom(accepted.descriptor, needs(), whose);
    if (lack !== undefined) refusals.emit("refused", { ...accepted, path: this.path, lack });
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      if (lack === undefined) this.#serve(socket, accepted);
      else if (turnAway) tell(socket, () => turnAway(socket, lack));
      else socket.destroy();
    } catch (error) {
      toStderr(`muxguard: a connection to ${this.path} is closed: ${messageOf(error)}`);
      socket.destroy(); // no answer; the others' go on
    }
  }
}

/** Who has not gone by then, or when more come, is closed. */
function tell(socket: Socket, turnAway: () => void): void {
  told.add(socket);
  const timer = setTimeout(() => socket.destroy(), TOLD_FOR).unref();
  socket.once("close", () => {
    clearTimeout(timer);
    told.delete(socket);
  });
  turnAway();
  const [oldest] = told;
  if (oldest && told.size > mostTold()) {
    told.delete(oldest);
    oldest.destroy();
  }
}

/** Undefined also where its folder is none any more, or nobody may look into it. */
function inodeOf(path: string): bigint | undefined {
  return attempt(() => lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino);
}

/** Told before it is closed: its descriptor says who it is. */
export function refuse(
  socket: { destroy(): void },
  path: string,
  accepted: Accepted | undefined,
  lack?: string,
): void {
  if (accepted) refusals.emit("refused", { ...accepted, path, ...(lack !== undefined && { lack }) });
  socket.destroy();
}

/** @throws Error for a path that no socket can have */
export function checkLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > MAX_PATH) throw new Error(`socket path of ${length} bytes, ${MAX_PATH} are the most: ${path}`);
}

/** Removes a socket that a crash left behind; one that is alive, and anything that is no socket, stays. */
export async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${path} is in the way, and is no socket`);
  if (await answers(path)) throw new Error(`somebody listens at ${path} already (muxguard status)`);
  unlinkSync(path);
}

/** Whether somebody listens at the path, be it that more connections wait than it takes. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error) => resolve(hasCode(error, "EAGAIN")));
  });
}

/** Undefined for a connection that is gone again. */
export function acceptedFrom(socket: Socket): Accepted | undefined {
  const descriptor = descriptorOf(socket);
  if (descriptor === undefined) return undefined;
  try {
    return { descriptor, acceptedAt: performance.now(), ...peerCredentials(descriptor) };
  } catch {
    return undefined; // it is gone again
  }
}

/** Whether the other end has read all that was written to it. */
export function hasAllRead(socket: Socket): boolean {
  const descriptor = descriptorOf(socket);
  return descriptor !== undefined && socket.writableLength === 0 && isAllRead(descriptor);
}

/** Node's own handle of the socket: the descriptor has no public accessor. */
function descriptorOf(socket: Socket | Server): number | undefined {
  const { _handle: handle } = socket as { _handle?: { fd?: number } };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

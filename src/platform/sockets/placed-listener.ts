/**
 * Listens in place of a control master. The connections are taken by accept4(2) itself: Node would make a
 * stream of each first, and read from it. unix(7).
 */
import { closeSync, constants, lstatSync, openSync, unlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { attempt } from "../../attempt.ts";
import { messageOf } from "../../errors.ts";
import { toStderr } from "../../to-stderr.ts";
import { closeAside, watchDescriptor } from "../libc/descriptors.ts";
import { acceptUnix, bindUnix, hangUp, peerCredentials, startListening } from "../libc/sockets.ts";
import { DescriptorSocket } from "./descriptor-socket.ts";
import { type Accepted, refuse } from "./listener.ts";
import { expectDescriptors, lackOfRoom, noRoom } from "./room.ts";

export interface ControlListener {
  path: string;
  /** Whether the path still leads here. */
  isInPlace(): boolean;
  /** Stops listening and takes the name away. Connections stay as they are. */
  stop(): void;
  /** Ends the connections, too. */
  close(): void;
}

export type Serve = (socket: DescriptorSocket, accepted: Accepted) => void;

const BACKLOG = 1024;
/** How many are taken before others get their turn. */
const MAX_ACCEPTS = 16;
/** What a client brings, three streams, and a connection to the master: in descriptors. */
const NEEDS = 4;
/** Within which time after it came, in milliseconds. */
const BRINGS_WITHIN = 1000;
/** After how many milliseconds to look again for a descriptor. */
const AGAIN_AFTER = 10;

export class PlacedListener implements ControlListener {
  readonly path: string;
  readonly #serve: Serve;
  readonly #uid = userInfo().uid;
  readonly #sockets = new Set<DescriptorSocket>();
  readonly #fd: number;
  readonly #inode: bigint;
  #watch: { close(): void } | undefined;
  /** Given up where there is no other descriptor left: with it, those who wait are sent away. */
  #reserve: number | undefined;
  #later: NodeJS.Timeout | undefined;
  #stopped = false;

  /**
   * @param path where it will be put
   * @param bound its name until then; connections of other users are closed at once, root's too
   * @throws Error if it can't be bound
   */
  constructor(path: string, serve: Serve, bound: string) {
    this.path = path;
    this.#serve = serve;
    const socket = bindUnix(bound);
    if ("error" in socket) throw new Error(`${path}: ${socket.error}`);
    this.#fd = socket.fd;
    try {
      this.#inode = lstatSync(bound, { bigint: true }).ino;
      this.#reserve = openReserve();
      startListening(this.#fd, BACKLOG);
      this.#watch = watchDescriptor(this.#fd, { readable: true }, () => this.#acceptAll());
    } catch (error) {
      closeSync(this.#fd);
      this.#closeReserve();
      throw error;
    }
  }

  isInPlace(): boolean {
    const found = attempt(() => lstatSync(this.path, { bigint: true, throwIfNoEntry: false }));
    return found?.ino === this.#inode;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.isInPlace()) remove(this.path);
    clearTimeout(this.#later);
    this.#watch?.close();
    hangUp(this.#fd); // nobody connects any more, by whatever name
    closeAside(this.#fd); // with those who wait, and what they have passed
    this.#closeReserve();
  }

  close(): void {
    this.stop();
    for (const socket of this.#sockets) socket.destroy();
  }

  #acceptAll(): void {
    for (let accepts = 0; accepts < MAX_ACCEPTS && !this.#stopped; accepts++) {
      const fd = acceptUnix(this.#fd);
      if (fd === "none") return;
      if (fd !== "shortage") this.#accept(fd);
      else if (this.#reserve !== undefined) this.#closeReserve();
      else {
        this.#rest();
        return;
      }
    }
  }

  #accept(fd: number): void {
    const acceptedAt = performance.now();
    const accepted = attempt(() => ({ descriptor: fd, acceptedAt, ...peerCredentials(fd) }));
    if (accepted?.uid !== this.#uid) {
      refuse({ destroy: () => closeAside(fd) }, this.path, accepted);
      return;
    }
    this.#reserve ??= openReserve();
    const lack = this.#reserve === undefined ? noRoom() : lackOfRoom(fd, NEEDS);
    if (lack !== undefined) {
      refuse({ destroy: () => sendAway(fd) }, this.path, accepted, lack);
      return;
    }
    const socket = DescriptorSocket.accepted(fd);
    this.#sockets.add(socket);
    const brought = expectDescriptors(NEEDS);
    const timer = setTimeout(() => brought.end(), BRINGS_WITHIN).unref();
    socket.onClose = () => {
      clearTimeout(timer);
      brought.end();
      this.#sockets.delete(socket);
    };
    try {
      this.#serve(socket, accepted);
    } catch (error) {
      toStderr(`muxguard: a connection to ${this.path} is closed: ${messageOf(error)}`);
      socket.destroy(); // no answer; the others' go on
    }
  }

  /** The watch would call back without end. */
  #rest(): void {
    this.#watch?.close();
    this.#later = setTimeout(() => {
      this.#watch = watchDescriptor(this.#fd, { readable: true }, () => this.#acceptAll());
    }, AGAIN_AFTER);
  }

  #closeReserve(): void {
    if (this.#reserve !== undefined) closeSync(this.#reserve);
    this.#reserve = undefined;
  }
}

/** The client hears of it before the close, which takes longer. ssh makes a connection of its own then. */
function sendAway(fd: number): void {
  hangUp(fd);
  closeAside(fd);
}

function openReserve(): number | undefined {
  try {
    return openSync("/", constants.O_RDONLY | constants.O_DIRECTORY);
  } catch {
    return undefined; // none is left for it either
  }
}

/** Whether it is there or not. */
export function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // it is gone already
  }
}

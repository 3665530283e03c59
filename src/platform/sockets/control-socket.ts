/**
 * Control sockets of ControlMaster: listening in place of a master, and hiding the master's own socket.
 *
 * The listener is bound under a name of its own and then put at the control path in one step, so that no
 * client ever finds nothing there. And it takes its name away only if the name still means it: by then
 * another master may have come.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, linkSync, openSync, renameSync, statSync, unlinkSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { O_PATH } from "../libc/descriptors.ts";
import { DescriptorSocket } from "./descriptor-socket.ts";
import { checkLength, removeStale } from "./listener.ts";
import { type ControlListener, PlacedListener, remove, type Serve } from "./placed-listener.ts";

/** Names in a control folder that begin so are the guard's. */
export const OWN_PREFIX = ".muxguard";

/**
 * Listens at the path. Connections of other users are closed at once, root's too.
 * @param replace what is at the path now gives way; otherwise it must be free, or stale
 * @throws Error if the path is too long or taken, or if others may write to its folder
 */
export async function listenAtControlPath(
  path: string,
  serve: Serve,
  { replace = false }: { replace?: boolean } = {},
): Promise<ControlListener> {
  checkLength(path);
  checkControlFolder(dirname(path));
  if (!replace) await removeStale(path);
  const folder = openSync(dirname(path), O_PATH | constants.O_DIRECTORY);
  const name = `${OWN_PREFIX}-${randomName()}`;
  const bound = `/proc/self/fd/${folder}/${name}`; // short, however long the folder's path is
  let listener: ControlListener | undefined;
  try {
    listener = new PlacedListener(path, serve, bound);
    if (replace) renameSync(bound, path);
    else linkSync(bound, path);
    return listener;
  } catch (error) {
    listener?.close();
    throw error;
  } finally {
    remove(bound);
    closeSync(folder);
  }
}

/** A master's own socket, out of the way. */
export class HiddenSocket {
  /** Absent for one without a name. */
  readonly name: string | undefined;
  readonly #fd: number;
  #closed = false;

  private constructor(fd: number, name?: string) {
    this.#fd = fd;
    this.name = name;
  }

  /**
   * Takes the socket's name away: from now on it can be reached through this object alone, and the name can't
   * be given back.
   */
  static nameless(path: string): HiddenSocket {
    const fd = openSync(path, O_PATH);
    unlinkSync(path);
    return new HiddenSocket(fd);
  }

  static at(path: string): HiddenSocket {
    return new HiddenSocket(openSync(path, O_PATH), path);
  }

  /** @throws Error if nobody listens any more, or if too many wait */
  connect(): DescriptorSocket {
    // its number may be another file's by now
    if (this.#closed) throw new Error("the master has ended");
    return DescriptorSocket.connect(`/proc/self/fd/${this.#fd}`);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

/** @throws Error for a folder in which others could put a socket in place of ours, or take ours away */
export function checkControlFolder(folder: string): void {
  const { uid } = userInfo();
  const found = statSync(folder, { throwIfNoEntry: false });
  if (!found?.isDirectory()) throw new Error(`${folder} is no folder; mkdir -m 700 ${folder}`);
  if (found.uid !== uid)
    throw new Error(`${folder} belongs to another user; use a folder of your own for control sockets`);
  if ((found.mode & 0o022) !== 0) throw new Error(`others may write to ${folder}; chmod 700 ${folder}`);
}

/**
 * Another name for the socket, in the folder's private one, under which the guard finds it again after a
 * crash.
 */
export function hiddenName(path: string): string {
  return join(dirname(path), OWN_PREFIX, `${randomName()}.${basename(path)}`);
}

/** The control path that a hidden socket came from. */
export function pathOfHidden(hidden: string): string {
  return join(dirname(dirname(hidden)), basename(hidden).replace(/^[a-z0-9]+\./, ""));
}

function randomName(): string {
  return randomBytes(4).toString("hex");
}

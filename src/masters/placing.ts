/** Listening in the place of a master that was found, and giving the place back. */
import { renameSync } from "node:fs";
import { probeMaster } from "../guard/mux/probe.ts";
import { HiddenSocket, listenAtControlPath } from "../platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../platform/sockets/descriptor-socket.ts";
import { checkMaster, type Listener, listenerOf } from "../platform/sockets/holders.ts";
import type { Accepted } from "../platform/sockets/listener.ts";
import { type ControlListener, remove } from "../platform/sockets/placed-listener.ts";
import type { Whereabouts } from "../policy/request.ts";
import { Master, type MasterParts } from "./master.ts";
import type { GuardedMaster, Inside } from "./registry.ts";

/** Serves a client of a master. */
export type ServeClient = (
  socket: DescriptorSocket,
  accepted: Accepted,
  master: Master,
  inside?: Inside,
) => void;

/**
 * The master at the path gives way. Clients that come early wait until it has answered.
 * @throws Error if the guard can't listen there, or if nobody answers as a master does; the hidden socket is
 * closed then
 */
export async function placeMaster(
  path: string,
  serve: ServeClient,
  parts: MasterParts,
): Promise<{ master: Master; listener: ControlListener }> {
  let listener: ControlListener | undefined;
  const greeted = Master.greet(parts);
  greeted.catch(() => {}); // listening comes first, and may take longer
  const serveLater = (socket: DescriptorSocket, accepted: Accepted): void => {
    greeted.then((master) => serve(socket, accepted, master)).catch(() => socket.destroy());
  };
  try {
    listener = await listenAtControlPath(path, serveLater, { replace: true });
    const master = await greeted;
    if (master.hasStopped) throw new Error("the master has ended");
    return { master, listener };
  } catch (error) {
    greeted
      .then(
        (master) => master.release(),
        () => parts.hidden.close(),
      )
      .catch(() => {}); // what is told is why it was not placed
    listener?.close();
    throw error;
  }
}

/** Puts a master's own socket back in its place, if the guard still holds that. */
export function giveBack({ master }: GuardedMaster, listener: ControlListener): void {
  const { name } = master.hidden;
  if (name !== undefined && listener.isInPlace()) renameSync(name, listener.path);
  else if (name !== undefined) remove(name);
}

/**
 * The socket by its other name, from now on.
 * @param socket its inode, as Listener has it @throws Error if another one has come to its place meanwhile
 */
export function hold(hidden: string, socket: string | undefined): HiddenSocket {
  const own = HiddenSocket.at(hidden);
  if (listenerOf(() => own.connect())?.socket === socket) return own;
  own.close();
  throw new Error("another socket has come to its place");
}

/** The process that took the socket over from the one that made it, and ended: ControlPersist. */
export async function findMaster(path: string, at: string, { socket }: Listener): Promise<number> {
  const { pid } = await probeMaster(DescriptorSocket.connect(at));
  checkMaster(pid, path, socket);
  return pid;
}

/** A connection stays where it leads: once that is known, it is known. */
export function onceVerified(resolve: () => Promise<Whereabouts>): () => Promise<Whereabouts> {
  let known: Whereabouts | undefined;
  return async () => {
    if (known) return known;
    const found = await resolve();
    if (found.destination?.verified) known = found;
    return found;
  };
}

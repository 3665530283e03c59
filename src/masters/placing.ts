/** Listening in the place of a master that was found, and giving the place back. */
import { renameSync } from "node:fs";
import { listenAtControlPath } from "../platform/sockets/control-socket.ts";
import type { DescriptorSocket } from "../platform/sockets/descriptor-socket.ts";
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

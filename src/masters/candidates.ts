/** Which sockets of a folder may be masters' own, and which one was seen before. */
import { lstatSync } from "node:fs";
import { checkControlFolder, OWN_PREFIX } from "../platform/sockets/control-socket.ts";

/** The name under which ssh binds its socket, before it has its place: muxserver_listen() of mux.c. */
const temporaryName = /\.[A-Za-z0-9]{16}$/;

export function isControlFolder(folder: string): boolean {
  try {
    checkControlFolder(folder);
    return true;
  } catch {
    return false;
  }
}

export function isCandidate(name: string): boolean {
  return !name.startsWith(OWN_PREFIX) && !temporaryName.test(name);
}

/** Another socket at the path may have the number of the one that is gone: it was bound at another time. */
export function identityOf(path: string): string | undefined {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino} ${found.mtimeNs}`;
}

/** Which sockets of a folder may be masters' own, and which one was seen before. */
import { lstatSync } from "node:fs";
import { checkControlFolder, OWN_PREFIX } from "../platform/sockets/control-socket.ts";
import { temporaryName } from "../platform/sockets/holders.ts";

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

/** Folders that belong to one user alone. */

import { chmodSync, existsSync, lstatSync, mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { hasCode } from "../../errors.ts";

/**
 * Makes the folder (0700) if it is missing, and checks that nobody else can get at it if it is there.
 * @throws Error if it is no folder, another user's, or open to others
 */
export function ensurePrivateFolder(path: string): void {
  makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
    chmodSync(path, 0o700); // whatever the umask was
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    checkPrivateFolder(path);
  }
}

/**
 * A folder, and those above it, where they are missing: for the user alone. Node's own way to do it
 * (`recursive`) never ends where nothing can be made, as below /proc.
 */
export function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

function checkPrivateFolder(path: string): void {
  // lstat: a link in a folder that others may write to could be theirs
  const found = lstatSync(path);
  if (!found.isDirectory()) throw new Error(`${path} is not a folder`);
  if (found.uid !== userInfo().uid) throw new Error(`${path} belongs to another user`);
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} is open to others; chmod 700 ${path}`);
}

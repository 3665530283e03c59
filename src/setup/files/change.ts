/**
 * Changes a file of the user's as a whole: beside it, and by rename, so that nobody reads half of it. Its mode
 * and its owner stay. A link stays one: what it leads to is changed.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { attempt } from "../../attempt.ts";
import { hasCode } from "../../errors.ts";
import { makeFolders } from "../../platform/files/private-folder.ts";
import { FileFault } from "../../platform/files/regular-file.ts";

/** In bytes: more has no start-up file. */
const MAX_SIZE = 4 * 1024 * 1024;

/** The file itself, where the path is a link. @throws FileFault for a link that leads nowhere */
export function fileAt(path: string): string {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  const found = attempt(() => realpathSync(path));
  if (found === undefined) throw new FileFault(`${path}: a link that leads nowhere; it is left alone`);
  return found;
}

/** Undefined for what is not there. @throws FileFault for what is no file of the user's own */
export function readBytes(file: string): Buffer | undefined {
  return open(file)?.bytes;
}

function open(file: string): { bytes: Buffer; stats: Stats } | undefined {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    fd = openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new FileFault(`${file}: it is no regular file`);
    if (stats.uid !== userInfo().uid) throw new FileFault(`${file}: belongs to another user`);
    if (stats.nlink > 1)
      throw new FileFault(`${file}: has another name (a hard link), which would not change`);
    if (stats.size > MAX_SIZE) throw new FileFault(`${file}: it has more than ${MAX_SIZE} bytes`);
    return { bytes: readFileSync(fd), stats };
  } finally {
    closeSync(fd);
  }
}

/**
 * @param before what it has to be until then; undefined for a file that is not there
 * @param after undefined to remove it
 * @throws FileFault where it is another one by now
 */
export function changeFile(file: string, before: Buffer | undefined, after: Buffer | undefined): void {
  if (after === undefined) {
    checkUnchanged(file, before);
    unlinkSync(file);
    return;
  }
  makeFolders(dirname(file));
  const found = open(file)?.stats;
  const whole = `${file}.${randomBytes(6).toString("hex")}.muxguard`;
  const fd = openSync(whole, "wx", 0o600);
  try {
    if (found) keepOwner(fd, found);
    writeFileSync(fd, after);
    fsyncSync(fd);
    checkUnchanged(file, before);
    renameSync(whole, file);
  } catch (error) {
    rmSync(whole, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function keepOwner(fd: number, { uid, gid, mode }: Stats): void {
  const own = fstatSync(fd);
  if (own.uid !== uid || own.gid !== gid) fchownSync(fd, uid, gid);
  fchmodSync(fd, mode & 0o7777);
}

function checkUnchanged(file: string, before: Buffer | undefined): void {
  const now = readBytes(file);
  const isSame = now === undefined || before === undefined ? now === before : now.equals(before);
  if (!isSame) throw new FileFault(`${file}: it has changed meanwhile, and is left as it is`);
}

/** Those above a path that are not there yet, the outermost first. */
export function missingFolders(path: string): string[] {
  const folder = dirname(path);
  return existsSync(folder) ? [] : [...missingFolders(folder), folder];
}

/** Removes those that are empty. @param folders the outermost first */
export function removeFolders(folders: readonly string[]): void {
  for (const folder of [...folders].reverse()) attempt(() => rmdirSync(folder));
}

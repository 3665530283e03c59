/**
 * Files that muxguard reads and writes: settings, records, the log. What is opened is looked at on its
 * descriptor, so it is what was looked at: a regular file, the user's own or root's, that nobody else may
 * write to. A FIFO is opened without waiting for its other end, and refused: open(2).
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { userInfo } from "node:os";
import { hasCode } from "../../errors.ts";

/** The file is none that muxguard uses. The message begins with its path. */
export class FileFault extends Error {
  override name = "FileFault";
}

export interface OpenedFile {
  /** The caller closes it. */
  fd: number;
  stats: Stats;
}

/** What a link leads to is looked at in the same way; "refused" where there is no reason for a link. */
export type Links = "followed" | "refused";

/** Of a file that is read as a whole, in bytes. */
const MAX_SIZE = 16 * 1024 * 1024;

/**
 * @param flags of open(2), such as O_RDONLY; O_NONBLOCK and O_NOFOLLOW come by themselves. A new
 * file is its owner's alone.
 * @throws FileFault; or what open(2) says: ENOENT
 */
export function openRegular(path: string, flags: number, links: Links = "refused"): OpenedFile {
  const { O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openAny(path, flags | O_NONBLOCK | (links === "refused" ? O_NOFOLLOW : 0));
  try {
    const stats = fstatSync(fd);
    checkFile(path, stats);
    return { fd, stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The whole of it, as UTF-8.
 * @throws FileFault; or what open(2) and read(2) say
 */
export function readRegularFile(path: string, links: Links = "refused"): string {
  const file = openRegular(path, constants.O_RDONLY, links);
  try {
    return readOpened(path, file);
  } finally {
    closeSync(file.fd);
  }
}

/** The same of a file that is open already. */
export function readOpened(path: string, { fd, stats }: OpenedFile): string {
  if (stats.size > MAX_SIZE) throw new FileFault(`${path}: it has more than ${MAX_SIZE} bytes`);
  return readFileSync(fd, "utf8");
}

function openAny(path: string, flags: number): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if (hasCode(error, "ELOOP") && (flags & constants.O_NOFOLLOW) !== 0)
      throw new FileFault(`${path}: it is a link; remove it`);
    // nobody reads a FIFO, or it is a socket, or a device that is not there
    if (hasCode(error, "ENXIO")) throw new FileFault(noFile(path));
    throw error;
  }
}

/** As ssh(1) has it for its own configuration: what others may write to is not to be believed. */
function checkFile(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new FileFault(noFile(path));
  if (stats.uid !== userInfo().uid && stats.uid !== 0)
    throw new FileFault(`${path}: belongs to another user`);
  if ((stats.mode & 0o022) !== 0) throw new FileFault(`${path}: others may write to it; chmod go-w ${path}`);
}

function noFile(path: string): string {
  return `${path}: it is no regular file; remove it`;
}

/** Files that are read as they should be: no link, no FIFO that never ends, nobody else's. open(2). */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;

/**
 * The text of a file of the user's own.
 * @throws Error for what is no regular file, belongs to another user, or may be written to by others
 */
export function readRegularFile(path: string): string {
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new Error(`${path} is no regular file`);
    if (found.uid !== userInfo().uid) throw new Error(`${path} belongs to another user`);
    if ((found.mode & 0o022) !== 0) throw new Error(`others may write to ${path}; chmod go-w ${path}`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

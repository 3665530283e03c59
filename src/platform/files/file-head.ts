/** How a file begins, for whoever wants to know what it is. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/**
 * As latin1; empty for what is no regular file. A FIFO is opened without waiting for its other end.
 * @param length at most, in bytes
 * @throws Error of open(2) and read(2)
 */
export function headOf(path: string, length: number): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) return "";
    const head = Buffer.alloc(length);
    return head.toString("latin1", 0, readSync(fd, head));
  } finally {
    closeSync(fd);
  }
}

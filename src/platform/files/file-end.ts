/** The end of a file of lines, read while others are served. */
import { closeSync, fstat, read } from "node:fs";
import { promisify } from "node:util";

/**
 * The whole lines at the end, in their order. Closes the descriptor.
 * @param most how much is read, in bytes
 */
export async function readEnd(fd: number, most: number): Promise<string[]> {
  try {
    const { size } = await promisify(fstat)(fd);
    const bytes = Buffer.alloc(Math.min(size, most));
    const from = size - bytes.length;
    const { bytesRead } = await promisify(read)(fd, bytes, 0, bytes.length, from);
    const lines = bytes.toString("utf8", 0, bytesRead).split("\n");
    // what comes before the first end of a line begins further up
    return (from > 0 ? lines.slice(1) : lines).filter((line) => line !== "");
  } finally {
    closeSync(fd);
  }
}

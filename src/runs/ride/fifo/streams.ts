/** The streams of whoever started this process, none of which may hold up another. */
import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";

/** Node itself waits for a pipe that nobody reads, and would read nothing meanwhile. */
export function userStream(fd: 1 | 2): Writable {
  const stats = fstatSync(fd);
  const isPipe = stats.isFIFO() || stats.isSocket();
  const plain = fd === 1 ? process.stdout : process.stderr;
  return isPipe ? new Socket({ fd, readable: false, writable: true }) : plain;
}

/**
 * Settles when all that comes from the one is written to the other, or that takes no more: then the one is
 * closed, and whoever writes there gets to know. The other one stays open, as ssh's own does.
 */
export function relayed(from: Socket, to: Writable): Promise<void> {
  return new Promise((resolve) => {
    to.on("error", () => from.destroy());
    from.on("error", () => from.destroy());
    from.on("close", () => flushed(to).then(resolve));
    from.pipe(to, { end: false });
  });
}

/** Settles when all that was written is on its way, or never will be. */
export function flushed(to: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (to.destroyed) resolve();
    else to.write("", () => resolve());
  });
}

/** A socket, held by its inode, and who listens there. unix(7). */
import { closeSync, openSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { O_PATH } from "../libc/descriptors.ts";
import { connectUnix, peerCredentials } from "../libc/sockets.ts";

export interface ListeningSocket {
  /**
   * Stands for the socket, whatever is at its path by now. `/proc/self/fd/N` can be connected to. The caller
   * closes it.
   */
  fd: number;
  /** Of the process that called listen(2). It may have ended since, and left the socket to a child. */
  pid: number;
}

/** Undefined if nobody listens there. */
export function openListeningSocket(path: string): ListeningSocket | undefined {
  const fd = attempt(() => openSync(path, O_PATH));
  if (fd === undefined) return undefined;
  const connected = connectUnix(`/proc/self/fd/${fd}`);
  const pid = "fd" in connected ? attempt(() => peerCredentials(connected.fd).pid) : undefined;
  if ("fd" in connected) closeSync(connected.fd);
  if (pid !== undefined) return { fd, pid };
  closeSync(fd);
  return undefined;
}

/** Whether this process listens there. */
export function leadsHere(path: string): boolean {
  const there = openListeningSocket(path);
  if (there) closeSync(there.fd);
  return there?.pid === process.pid;
}

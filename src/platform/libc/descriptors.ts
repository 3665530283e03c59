/** Descriptors of any kind, and named pipes: what node:fs leaves out. */
import { close } from "node:fs";
import { define, systemError, watchReadiness } from "./binding.ts";

const fcntl = define("int fcntl(int fd, int command, long argument)");
const mkfifo = define("int mkfifo(const char *path, uint32_t mode)");

/** For openSync(): a descriptor that stands for a path and can't be read. open(2). */
export const O_PATH = 0o10000000;
const F_DUPFD_CLOEXEC = 1030;

/** A descriptor of the same open file, which no child inherits. The caller closes it. */
export function duplicate(fd: number): number {
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw systemError("fcntl(F_DUPFD_CLOEXEC)");
  return copy;
}

/**
 * Closes descriptors that somebody else has passed. That may take as long as whoever made them likes
 * (SO_LINGER), or fail: neither is waited for.
 */
export function closeDescriptors(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) close(descriptor, () => {});
}

/**
 * Calls back when the descriptor can be read from (or written to), again and again until it is closed.
 * One watch for each descriptor: a second one ends the process (koffi 3.3).
 */
export function watchDescriptor(
  fd: number,
  events: { readable?: boolean; writable?: boolean },
  ready: () => void,
): { close(): void } {
  return watchReadiness(fd, events, ready);
}

/** Makes a named pipe that only its owner can open. mkfifo(3). */
export function makeFifo(path: string): void {
  if (mkfifo(path, 0o600) !== 0) throw systemError("mkfifo");
}

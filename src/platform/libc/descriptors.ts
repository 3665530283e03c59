/** Descriptors of any kind, and named pipes: what node:fs leaves out. */
import { define, functionAddress, systemError, watchReadiness } from "./binding.ts";

const fcntl = define("int fcntl(int fd, int command, long argument)");
const mkfifo = define("int mkfifo(const char *path, uint32_t mode)");
const pthreadCreate = define(
  "int pthread_create(uint8_t *thread, void *attributes, void *start, void *argument)",
);
const pthreadDetach = define("int pthread_detach(uint64_t thread)");
const closeFunction = functionAddress("close");
/** pthread_t of the last one. */
const thread = Buffer.allocUnsafeSlow(8);

/** For openSync(): a descriptor that stands for a path and can't be read. open(2). */
export const O_PATH = 0o10000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_DUPFD_CLOEXEC = 1030;

/** A descriptor of the same open file, which no child inherits. The caller closes it. */
export function duplicate(fd: number): number {
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw systemError("fcntl(F_DUPFD_CLOEXEC)");
  return copy;
}

/** No child inherits it from here on, but where it is handed on. */
export function closeOnExec(fd: number, closes = true): void {
  if (fcntl(fd, F_SETFD, closes ? FD_CLOEXEC : 0) !== 0) throw systemError("fcntl(F_SETFD)");
}

/**
 * Closes a descriptor over which somebody else has a say: they passed it, or it may hold some that nobody has
 * received. Not waited for.
 *
 * Such a close may take as long as whoever made the file likes: a TCP socket with SO_LINGER waits for its
 * peer, a file of a FUSE waits for its server. libuv has four threads for all files of the process, so four
 * such closes would hold up everything. SO_LINGER can't be turned off first: the option belongs to the open
 * file, so a client that still has it would lose it too, could turn it on again in between, and a Unix socket
 * may hold another socket in its queue. So each close has a thread of its own, and this is close(2) itself: no
 * JavaScript runs there. It takes 20 µs.
 *
 * Without a thread (EAGAIN) the descriptor stays open: better that than a process that stands still.
 */
export function closeAside(descriptor: number): void {
  if (pthreadCreate(thread, null, closeFunction, BigInt(descriptor)) === 0)
    pthreadDetach(thread.readBigUInt64LE());
}

/** The same for several: descriptors that somebody else has passed. */
export function closeDescriptors(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) closeAside(descriptor);
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

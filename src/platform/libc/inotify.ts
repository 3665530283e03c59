/** Changes of files and folders, as the kernel notes them: inotify(7). And whether the mounts changed. */
import { closeSync, openSync } from "node:fs";
import { define, systemError } from "./binding.ts";

const inotifyInit = define("int inotify_init1(int flags)");
const inotifyAddWatch = define("int inotify_add_watch(int fd, const char *path, uint32_t mask)");
const inotifyRmWatch = define("int inotify_rm_watch(int fd, int watch)");
const read = define("long read(int fd, uint8_t *bytes, unsigned long length)");
const poll = define("int poll(uint8_t *descriptors, unsigned long count, int timeout)");
const fcntl = define("int fcntl(int fd, int command, long argument)");

const [IN_NONBLOCK, IN_CLOEXEC] = [0o4000, 0o2000000];
const [POLLIN, POLLPRI] = [1, 2];
/** Of a struct pollfd, in bytes. */
const POLLFD = 8;
const [F_SETSIG, F_SETLEASE, F_RDLCK, F_UNLCK] = [10, 1024, 0, 2];
/** It is ignored unless somebody listens; the usual one, SIGIO, ends a process. */
const SIGURG = 23;

/** What is told of: inotify(7). */
export const IN = {
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  ONLYDIR: 0x1000000,
  DONT_FOLLOW: 0x2000000,
  MASK_ADD: 0x20000000,
} as const;

export class Inotify {
  readonly #fd: number;
  readonly #mounts: number;
  readonly #polled = Buffer.alloc(2 * POLLFD);
  readonly #events = Buffer.alloc(4096);

  /** @throws Error where there are none left (EMFILE), or /proc is not there */
  constructor() {
    this.#mounts = openSync("/proc/self/mountinfo", "r");
    this.#fd = inotifyInit(IN_NONBLOCK | IN_CLOEXEC);
    if (this.#fd < 0) {
      closeSync(this.#mounts);
      throw systemError("inotify_init1");
    }
    this.#polled.writeInt32LE(this.#fd, 0);
    this.#polled.writeInt16LE(POLLIN, 4);
    this.#polled.writeInt32LE(this.#mounts, POLLFD);
    this.#polled.writeInt16LE(POLLPRI, POLLFD + 4);
  }

  /** @returns its number, the same for the same file. @throws Error if there are too many, or nothing is there */
  add(path: string, mask: number): number {
    const watch = inotifyAddWatch(this.#fd, path, mask | IN.MASK_ADD);
    if (watch < 0) throw systemError("inotify_add_watch");
    return watch;
  }

  /** One that is gone by itself is no error. */
  remove(watch: number): void {
    inotifyRmWatch(this.#fd, watch);
  }

  /**
   * Whether anything has happened: at what is watched since clear(), or to the mounts since the last look. Takes
   * 3 µs. What can't be looked at has changed.
   */
  hasNews(): boolean {
    return poll(this.#polled, 2, 0) !== 0;
  }

  /** From here on it is news again. */
  clear(): void {
    while (read(this.#fd, this.#events, this.#events.length) > 0);
    this.hasNews(); // the mounts as they are now
  }

  close(): void {
    closeSync(this.#fd);
    closeSync(this.#mounts);
  }
}

/**
 * Whether it is sure that nobody has the file open for writing, or mapped: the kernel grants a read lease for no
 * other. It is given back at once; who opens the file in between is held up for a microsecond. fcntl(2).
 * @param fd open for reading
 */
export function hasNoWriter(fd: number): boolean {
  if (fcntl(fd, F_SETSIG, SIGURG) !== 0 || fcntl(fd, F_SETLEASE, F_RDLCK) !== 0) return false;
  return fcntl(fd, F_SETLEASE, F_UNLCK) === 0;
}

/**
 * The calls into libc that Node doesn't have: the one place that imports koffi. Linux numbers throughout (asm-generic/socket.h,
 * linux/prctl.h).
 */
import koffi from "koffi";

const libc = koffi.load(null);

const getsockopt = libc.func("int getsockopt(int fd, int level, int name, uint8_t *value, uint8_t *length)");
const poll = libc.func("int poll(uint8_t *fds, unsigned long count, int timeout)");
const prctl = libc.func(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
const prctlName = libc.func("prctl", "int", ["int", "str"]);
const waitpid = libc.func("int waitpid(int pid, void *status, int options)");
const tcgetpgrp = libc.func("int tcgetpgrp(int fd)");
const tcsetpgrp = libc.func("int tcsetpgrp(int fd, int group)");
const getpgrp = libc.func("int getpgrp()");
const signal = libc.func("intptr_t signal(int number, intptr_t handler)");

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77; // Linux 6.5
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;
const POLLIN = 1;
const WNOHANG = 1;
const SIGTTOU = 22;
const SIG_IGN = 1;

/** The credentials of whoever connected (or, seen from the connecting side, listens), as of that moment. unix(7). */
export interface PeerCredentials {
  pid: number;
  uid: number;
}

/** @throws Error with the errno if the descriptor is no Unix socket */
export function peerCredentials(fd: number): PeerCredentials {
  const credentials = socketOption(fd, SO_PEERCRED, 12);
  if (typeof credentials === "number") throw new Error(`no credentials of the peer: errno ${credentials}`);
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4) };
}

/** A pidfd of the process that connected; undefined if the kernel has no such option or the process has been reaped. The caller closes it. */
export function peerPidfd(fd: number): { pidfd: number } | { missing: "unsupported" | "gone" } {
  const value = socketOption(fd, SO_PEERPIDFD, 4);
  if (typeof value !== "number") return { pidfd: value.readInt32LE(0) };
  return { missing: value === koffi.os.errno.ENOPROTOOPT ? "unsupported" : "gone" };
}

/** The option's bytes, or an errno. */
function socketOption(fd: number, name: number, size: number): Buffer | number {
  const value = Buffer.alloc(size);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(size);
  return getsockopt(fd, SOL_SOCKET, name, value, length) === 0 ? value : koffi.errno();
}

/** True once the process behind a pidfd has ended, reaped or not. pidfd_open(2). */
export function hasEnded(pidfd: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(pidfd, 0);
  entry.writeInt16LE(POLLIN, 4);
  return poll(entry, 1, 0) !== 0;
}

/** No ptrace by other processes of this user, no core dump, no look at /proc/PID/fd: PR_SET_DUMPABLE, prctl(2). */
export function forbidTracing(): void {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) !== 0)
    throw new Error(`prctl(PR_SET_DUMPABLE): errno ${koffi.errno()}`);
}

/** The name that /proc/PID/stat and `ps` show, of at most 15 bytes. */
export function setProcessName(name: string): void {
  if (prctlName(PR_SET_NAME, name) !== 0) throw new Error(`prctl(PR_SET_NAME): errno ${koffi.errno()}`);
}

/** From here on descendants that lose their parent become children of this process, so they can't leave the line of ancestors. */
export function adoptOrphans(): void {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) {
    throw new Error(`prctl(PR_SET_CHILD_SUBREAPER): errno ${koffi.errno()}`);
  }
}

/** Takes note of the end of a child, so that the kernel can forget it. Not for children that Node started: they would never seem to end. */
export function reap(pid: number): void {
  waitpid(pid, null, WNOHANG);
}

/** The process group in the foreground of a terminal; that of this process. */
export function foregroundGroup(ttyFd: number): number {
  return tcgetpgrp(ttyFd);
}

export function ownGroup(): number {
  return getpgrp();
}

/** Puts a process group into the foreground of a terminal, also from the background, where the kernel would stop the caller with SIGTTOU. */
export function setForegroundGroup(ttyFd: number, group: number): void {
  const before = signal(SIGTTOU, SIG_IGN);
  try {
    if (tcsetpgrp(ttyFd, group) !== 0) throw new Error(`tcsetpgrp: errno ${koffi.errno()}`);
  } finally {
    signal(SIGTTOU, before);
  }
}

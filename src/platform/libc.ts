/**
 * The calls into libc that Node doesn't have: the one place that imports koffi. Linux numbers throughout
 * (asm-generic/socket.h, linux/prctl.h).
 */
import { close, closeSync } from "node:fs";
import koffi from "koffi";

const libc = koffi.load(null);

const getsockopt = libc.func("int getsockopt(int fd, int level, int name, uint8_t *value, uint8_t *length)");
const poll = libc.func("int poll(uint8_t *fds, unsigned long count, int timeout)");
const prctl = libc.func(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
const prctlName = libc.func("prctl", "int", ["int", "str"]);
const prlimit = libc.func("int prlimit(int pid, int resource, uint8_t *limit, uint8_t *old)");
const clockGettime = libc.func("int clock_gettime(int clock, uint8_t *time)");
const waitpid = libc.func("int waitpid(int pid, void *status, int options)");
const tcgetpgrp = libc.func("int tcgetpgrp(int fd)");
const tcsetpgrp = libc.func("int tcsetpgrp(int fd, int group)");
const getpgrp = libc.func("int getpgrp()");
const signal = libc.func("intptr_t signal(int number, intptr_t handler)");
const fcntl = libc.func("int fcntl(int fd, int command, long argument)");
const syscall = libc.func("long syscall(long number, long a, long b, long c, long d, long e)");
const socket = libc.func("int socket(int domain, int type, int protocol)");
const connect = libc.func("int connect(int fd, uint8_t *address, uint32_t length)");
const recvmsg = libc.func("long recvmsg(int fd, uint8_t *message, int flags)");
const mkfifo = libc.func("int mkfifo(const char *path, uint32_t mode)");
const sendmsg = libc.func("long sendmsg(int fd, uint8_t *message, int flags)");

/** open(2): Node's constants lack it. */
export const O_PATH = 0o10000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77; // Linux 6.5
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;
const CLOCK_BOOTTIME = 7;
const RLIMIT_LOCKS = 10;
const POLLIN = 1;
const WNOHANG = 1;
const SIGTTOU = 22;
const SIG_IGN = 1;

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_DUPFD_CLOEXEC = 1030;
const SYS_PIDFD_OPEN = 434; // the same on every architecture

/**
 * The credentials of whoever connected (or, seen from the connecting side, listens), as of that moment.
 * unix(7).
 */
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

/**
 * A pidfd of the process that connected; undefined if the kernel has no such option or the process has been
 * reaped. The caller closes it.
 */
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
  let ready = poll(entry, 1, 0);
  // a signal that waits interrupts it, however short it is
  while (ready < 0 && koffi.errno() === koffi.os.errno.EINTR) ready = poll(entry, 1, 0);
  return ready !== 0;
}

/**
 * No ptrace by other processes of this user, no core dump, no look at /proc/PID/fd: PR_SET_DUMPABLE,
 * prctl(2).
 */
export function forbidTracing(): void {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) !== 0)
    throw new Error(`prctl(PR_SET_DUMPABLE): errno ${koffi.errno()}`);
}

/** The name that /proc/PID/stat and `ps` show, of at most 15 bytes. */
export function setProcessName(name: string): void {
  if (prctlName(PR_SET_NAME, name) !== 0) throw new Error(`prctl(PR_SET_NAME): errno ${koffi.errno()}`);
}

/**
 * From here on descendants that lose their parent become children of this process, so they can't leave the
 * line of ancestors.
 */
export function adoptOrphans(): void {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) {
    throw new Error(`prctl(PR_SET_CHILD_SUBREAPER): errno ${koffi.errno()}`);
  }
}

/** Lowers RLIMIT_LOCKS of this process and of what it starts from here on: setrlimit(2). */
export function setLockLimit(limit: bigint): void {
  const both = Buffer.alloc(16);
  both.writeBigUInt64LE(limit, 0);
  both.writeBigUInt64LE(limit, 8);
  if (prlimit(0, RLIMIT_LOCKS, both, null) !== 0)
    throw new Error(`prlimit(RLIMIT_LOCKS): errno ${koffi.errno()}`);
}

const time = Buffer.allocUnsafeSlow(16);

/**
 * Milliseconds since the machine started, those included for which it slept: performance.now() stands still
 * then (CLOCK_MONOTONIC; uv__hrtime() of libuv). Setting the system's time does not change it.
 */
export function bootTime(): number {
  if (clockGettime(CLOCK_BOOTTIME, time) !== 0) throw new Error(`clock_gettime: errno ${koffi.errno()}`);
  return Number(time.readBigInt64LE(0)) * 1000 + Number(time.readBigInt64LE(8)) / 1e6;
}

/**
 * Takes note of the end of a child, so that the kernel can forget it. Not for children that Node started:
 * they would never seem to end.
 */
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

/**
 * Puts a process group into the foreground of a terminal, also from the background, where the kernel would
 * stop the caller with SIGTTOU.
 */
export function setForegroundGroup(ttyFd: number, group: number): void {
  const before = signal(SIGTTOU, SIG_IGN);
  try {
    if (tcsetpgrp(ttyFd, group) !== 0) throw new Error(`tcsetpgrp: errno ${koffi.errno()}`);
  } finally {
    signal(SIGTTOU, before);
  }
}

/** A descriptor of the same open file, which no child inherits. The caller closes it. */
export function duplicate(fd: number): number {
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw new Error(`fcntl(F_DUPFD_CLOEXEC): errno ${koffi.errno()}`);
  return copy;
}

/**
 * Descriptors that somebody else has passed. Closing one may take as long as whoever chose it likes
 * (SO_LINGER), or fail: neither is waited for.
 */
export function closeDescriptors(descriptors: readonly number[]): void {
  for (const descriptor of descriptors) close(descriptor, () => {});
}

/**
 * A descriptor that stands for the process: pidfd_open(2). The caller closes it. Undefined if there is none
 * any more.
 */
export function openPidfd(pid: number): number | undefined {
  const fd = syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
  return fd < 0 ? undefined : fd;
}

/** Calls back when the descriptor may be read from (or written to), again and again until it is closed. */
export function watchDescriptor(
  fd: number,
  events: { readable?: boolean; writable?: boolean },
  ready: () => void,
): { close(): void } {
  return koffi.node.poll(fd, events, ready);
}

/**
 * Connects to a Unix socket without waiting. Returns a descriptor, or the name of the errno: "EAGAIN" where
 * too many wait to be accepted.
 */
export function connectUnix(path: string): { fd: number } | { error: string } {
  const address = Buffer.alloc(SUN_PATH_OFFSET + SUN_PATH_LENGTH);
  address.writeUInt16LE(AF_UNIX);
  address.write(path, SUN_PATH_OFFSET);
  if (Buffer.byteLength(path) >= SUN_PATH_LENGTH) return { error: "ENAMETOOLONG" };
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return { error: errnoName() };
  if (connect(fd, address, address.length) === 0) return { fd };
  const error = errnoName();
  closeSync(fd);
  return { error };
}

const SUN_PATH_OFFSET = 2;
const SUN_PATH_LENGTH = 108;

export interface Received {
  bytes: Buffer;
  /** Passed along with the bytes; the caller's to close. */
  descriptors: number[];
}

/** For one message at a time: the calls are synchronous. struct msghdr of 64-bit Linux. */
const message = Buffer.allocUnsafeSlow(56);
const vector = Buffer.allocUnsafeSlow(16);
const received = Buffer.allocUnsafeSlow(64 * 1024);
const control = Buffer.allocUnsafeSlow(64);
const CONTROL_HEADER = 16;
/** Offsets in struct msghdr. */
const CONTROL_LENGTH = 40;
const FLAGS = 48;

function prepare(bytes: bigint, length: number, controlLength: number): void {
  vector.writeBigUInt64LE(bytes, 0);
  vector.writeBigUInt64LE(BigInt(length), 8);
  message.fill(0);
  message.writeBigUInt64LE(koffi.address(vector), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(controlLength === 0 ? 0n : koffi.address(control), 32);
  message.writeBigUInt64LE(BigInt(controlLength), CONTROL_LENGTH);
}

const receivedAddress = koffi.address(received);

/**
 * Reads what is there, with the descriptors that came with it. recvmsg(2), unix(7).
 * @returns "empty" if there is nothing yet, "end" at the end of the stream and for an error
 */
export function receiveMessage(fd: number): Received | "empty" | "end" {
  prepare(receivedAddress, received.length, control.length);
  const length = recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return isTransient(koffi.errno()) ? "empty" : "end";
  const descriptors = receivedDescriptors();
  // more descriptors than there is room for: nobody sends so many, and which bytes they belonged to can't be
  // said any more
  if (length === 0 || (message.readInt32LE(FLAGS) & MSG_CTRUNC) !== 0) {
    closeDescriptors(descriptors);
    return "end";
  }
  return { bytes: Buffer.from(received.subarray(0, length)), descriptors };
}

function receivedDescriptors(): number[] {
  const total = Number(message.readBigUInt64LE(CONTROL_LENGTH));
  const descriptors: number[] = [];
  for (let at = 0; at + CONTROL_HEADER <= total; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CONTROL_HEADER) break;
    const isRights =
      control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS;
    for (let value = at + CONTROL_HEADER; isRights && value + 4 <= at + length; value += 4)
      descriptors.push(control.readInt32LE(value));
    at += (length + 7) & ~7;
  }
  return descriptors;
}

/**
 * Writes as much as goes without waiting, with a descriptor if there is one. sendmsg(2).
 * @param bytes at least one
 * @returns how many bytes went; "full" if none could; "end" if nobody reads any more
 */
export function sendMessage(fd: number, bytes: Buffer, descriptor?: number): number | "full" | "end" {
  if (descriptor !== undefined) {
    control.writeBigUInt64LE(BigInt(CONTROL_HEADER + 4), 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    control.writeInt32LE(descriptor, CONTROL_HEADER);
  }
  prepare(koffi.address(bytes), bytes.length, descriptor === undefined ? 0 : CONTROL_HEADER + 8);
  const length = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (length >= 0) return length;
  return isTransient(koffi.errno()) ? "full" : "end";
}

function isTransient(errno: number): boolean {
  const { EAGAIN, EINTR } = koffi.os.errno;
  return errno === EAGAIN || errno === EINTR;
}

/** Makes a named pipe that only its owner can open. mkfifo(3). */
export function makeFifo(path: string): void {
  if (mkfifo(path, 0o600) !== 0) throw new Error(`mkfifo: ${errnoName()}`);
}

function errnoName(): string {
  const errno = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/** Unix sockets: who is at the other end, and a connect() that does not wait. unix(7), Linux alone. */
import { closeSync } from "node:fs";
import { define, errorName, failedWith, systemError } from "./binding.ts";

const getsockopt = define("int getsockopt(int fd, int level, int name, uint8_t *value, uint8_t *length)");
const setsockopt = define("int setsockopt(int fd, int level, int name, uint8_t *value, uint32_t length)");
const ioctl = define("int ioctl(int fd, unsigned long request, uint8_t *value)");
const socket = define("int socket(int domain, int type, int protocol)");
const getsockname = define("int getsockname(int fd, uint8_t *address, uint8_t *length)");
const getpeername = define("int getpeername(int fd, uint8_t *address, uint8_t *length)");
const connect = define("int connect(int fd, uint8_t *address, uint32_t length)");
const bind = define("int bind(int fd, uint8_t *address, uint32_t length)");
const listen = define("int listen(int fd, int backlog)");
const accept4 = define("int accept4(int fd, void *address, void *length, int flags)");
const shutdown = define("int shutdown(int fd, int how)");

/** asm-generic/socket.h */
export const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_PASSCRED = 16;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const SO_PEERPIDFD = 77; // Linux 6.5
const SO_PASSRIGHTS = 83; // Linux 6.16
/** asm-generic/sockios.h */
const SIOCOUTQ = 0x5411;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SHUT_RDWR = 2;
/** struct sockaddr_un */
const SUN_PATH_OFFSET = 2;
const SUN_PATH_LENGTH = 108;

/** Of whoever connected (or, seen from the connecting side, listens), as of that moment. */
export interface PeerCredentials {
  pid: number;
  uid: number;
}

/** @throws Error with the errno's name if the descriptor is no Unix socket */
export function peerCredentials(fd: number): PeerCredentials {
  const credentials = socketOption(fd, SO_PEERCRED, 12);
  if (!credentials) throw new Error(`no credentials of the peer: ${errorName()}`);
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4) };
}

/**
 * A pidfd of the process that connected. The caller closes it.
 * @returns "gone" for a process that has been reaped, "unsupported" where the kernel has no such option
 * @throws Error with the errno's name as its code where no descriptor is left for it
 */
export function peerPidfd(fd: number): { pidfd: number } | { missing: "unsupported" | "gone" } {
  const value = socketOption(fd, SO_PEERPIDFD, 4);
  if (value) return { pidfd: value.readInt32LE(0) };
  if (failedWith("EMFILE", "ENFILE", "ENOMEM"))
    throw Object.assign(new Error(`no pidfd of the peer: ${errorName()}`), { code: errorName() });
  return { missing: failedWith("ENOPROTOOPT") ? "unsupported" : "gone" };
}

/** The path at which it was bound; undefined for what is no listening Unix stream socket with a path. */
export function listeningPath(fd: number): string | undefined {
  const isListening = isUnixStream(fd) && numberOption(fd, SO_ACCEPTCONN) === 1;
  const address = Buffer.alloc(SUN_PATH_OFFSET + SUN_PATH_LENGTH);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(address.length);
  if (!isListening || getsockname(fd, address, length) !== 0) return undefined;
  const [path = ""] = address.toString("utf8", SUN_PATH_OFFSET, length.readUInt32LE()).split("\0");
  return path === "" ? undefined : path; // one without a name, or with an abstract one
}

/** Whether it is a Unix stream socket without another end: it listens, or may come to. */
export function isUnconnected(fd: number): boolean {
  return isUnixStream(fd) && getpeername(fd, Buffer.alloc(1), Buffer.alloc(4)) !== 0;
}

function isUnixStream(fd: number): boolean {
  return numberOption(fd, SO_DOMAIN) === AF_UNIX && numberOption(fd, SO_TYPE) === SOCK_STREAM;
}

/** From here on the kernel says of what is received which process wrote it. @throws Error if it does not */
export function tellSender(fd: number): void {
  if (!setSocketOption(fd, SO_PASSCRED, 1)) throw new Error(`no credentials of senders: ${errorName()}`);
}

/**
 * From here on whoever passes descriptors over a connection that the socket accepts gets EPERM. The connections
 * inherit it when they are made. @returns false where the kernel has no such option
 */
export function takeNoDescriptors(fd: number): boolean {
  return setSocketOption(fd, SO_PASSRIGHTS, 0);
}

/** Whether the other end has read all that was written. unix(7), SIOCOUTQ: what it has begun with counts as unread. */
export function isAllRead(fd: number): boolean {
  const unread = Buffer.alloc(4);
  return ioctl(fd, SIOCOUTQ, unread) === 0 && unread.readInt32LE(0) === 0;
}

function setSocketOption(fd: number, name: number, number: number): boolean {
  const value = Buffer.alloc(4);
  value.writeInt32LE(number);
  return setsockopt(fd, SOL_SOCKET, name, value, value.length) === 0;
}

function numberOption(fd: number, name: number): number | undefined {
  return socketOption(fd, name, 4)?.readInt32LE(0);
}

/** The option's bytes; undefined if the call failed. */
function socketOption(fd: number, name: number, size: number): Buffer | undefined {
  const value = Buffer.alloc(size);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(size);
  return getsockopt(fd, SOL_SOCKET, name, value, length) === 0 ? value : undefined;
}

/**
 * Connects to a Unix socket without waiting.
 * @param type SOCK_STREAM, or SOCK_DGRAM
 * @returns a descriptor that does not block, the caller's to close; or the errno's name: "EAGAIN" where too
 * many wait to be accepted
 */
export function connectUnix(path: string, type = SOCK_STREAM): { fd: number } | { error: string } {
  return newUnix(type, path, connect);
}

/**
 * A socket with a name, for its owner alone, at which nobody can connect yet.
 * @returns a descriptor that does not block, the caller's to close; or the errno's name
 */
export function bindUnix(path: string): { fd: number } | { error: string } {
  const before = process.umask(0o177);
  try {
    return newUnix(SOCK_STREAM, path, bind);
  } finally {
    process.umask(before);
  }
}

/** @throws Error with the errno's name */
export function startListening(fd: number, backlog: number): void {
  if (listen(fd, backlog) !== 0) throw systemError("listen");
}

/**
 * Takes a connection that waits.
 * @returns a descriptor that does not block, the caller's to close; "none" if no more wait, or the one that did
 * is gone; "shortage" where there is no descriptor for it
 */
export function acceptUnix(fd: number): number | "none" | "shortage" {
  const accepted = accept4(fd, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted >= 0) return accepted;
  return failedWith("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM") ? "shortage" : "none";
}

/** The other end is told now that nothing more comes or is taken, however long the close takes. Never waits. */
export function hangUp(fd: number): void {
  shutdown(fd, SHUT_RDWR);
}

function newUnix(
  type: number,
  path: string,
  use: (fd: number, address: Buffer, length: number) => number,
): { fd: number } | { error: string } {
  if (Buffer.byteLength(path) >= SUN_PATH_LENGTH) return { error: "ENAMETOOLONG" };
  const address = Buffer.alloc(SUN_PATH_OFFSET + SUN_PATH_LENGTH);
  address.writeUInt16LE(AF_UNIX);
  address.write(path, SUN_PATH_OFFSET);
  const fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return { error: errorName() };
  if (use(fd, address, address.length) === 0) return { fd };
  const error = errorName();
  closeSync(fd);
  return { error };
}

/**
 * The Unix sockets of this network namespace, as the kernel lists them: sock_diag(7), linux/unix_diag.h. Unlike
 * /proc/net/unix it says which file was bound, and a name with a line's end in it is no line of its own.
 */
import { closeSync, fstatSync } from "node:fs";
import { define, failedWith, systemError } from "./binding.ts";

const socket = define("int socket(int domain, int type, int protocol)");
const send = define("long send(int fd, uint8_t *bytes, unsigned long count, int flags)");
const recv = define("long recv(int fd, uint8_t *bytes, unsigned long count, int flags)");

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;
const [SHOW_NAME, SHOW_VFS, SHOW_PEER, SHOW_ICONS] = [0x1, 0x2, 0x4, 0x8];
const [NAME, VFS, PEER, ICONS] = [0, 1, 2, 3];
const TCP_LISTEN = 10;
/** struct nlmsghdr, unix_diag_req, unix_diag_msg, nlattr */
const [HEADER, REQUEST, MESSAGE, ATTRIBUTE] = [16, 24, 16, 4];
/** More than the kernel puts into one answer. */
const ANSWER = 64 * 1024;
/** How often it is looked for the other end of a connection, which may be accepted just now. */
const LOOKS = 3;
/** No socket has this state: such a request makes the kernel know how much is read at once. */
const NO_STATE = 0;
const ALL_STATES = 0xffffffff;

export interface UnixSocket {
  /** As `/proc/PID/fd` has it. */
  inode: number;
  isListening: boolean;
  /** At which it was bound: a path with a null behind it, an abstract one with its null before it, or empty. */
  name: string;
  /** Of the file that was bound: inode and device, as the kernel has them. */
  file?: string;
  /** The inode of the other end. */
  peer?: number;
  /** The inodes of those that wait to be accepted. */
  waiting: number[];
}

/** Undefined where the kernel does not list them. @throws Error where descriptors or memory are short */
export function unixSockets(): UnixSocket[] | undefined {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return unless("socket(AF_NETLINK)");
  try {
    // a socket that has no room in the first answer would end the list: unix_diag_dump() of net/unix/diag.c
    return ask(fd, NO_STATE) && ask(fd, ALL_STATES);
  } finally {
    closeSync(fd);
  }
}

function unless(call: string): undefined {
  if (failedWith("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS")) throw systemError(call);
}

function ask(fd: number, states: number): UnixSocket[] | undefined {
  const bytes = request(states);
  return send(fd, bytes, bytes.length, 0) === bytes.length ? answers(fd) : unless("send(AF_NETLINK)");
}

/**
 * The listening socket to which a connected one was connected, by its inode. Who made it may have ended, and others
 * may have it.
 * @returns empty where it is none of those that are listed; undefined where the kernel lists none
 */
export function listenerBehind(fd: number): string | undefined {
  const own = fstatSync(fd).ino;
  for (let looks = 0; looks < LOOKS; looks++) {
    const all = unixSockets();
    if (!all) return undefined;
    const listeners = all.filter(({ isListening }) => isListening);
    const before = listeners.find(({ waiting }) => waiting.includes(own));
    if (before) return `${before.inode}`;
    // an accepted one has the file of the one that has accepted it
    const peer = all.find(({ inode }) => inode === own)?.peer;
    const other = peer === undefined ? undefined : all.find(({ inode }) => inode === peer);
    const isIts = ({ file, name }: UnixSocket): boolean => file === other?.file && name === other?.name;
    const behind = other?.file === undefined ? [] : listeners.filter(isIts);
    if (behind.length === 1) return `${behind[0]?.inode}`;
  }
  return "";
}

function request(states: number): Buffer {
  const bytes = Buffer.alloc(HEADER + REQUEST);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  bytes.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
  bytes.writeUInt8(AF_UNIX, HEADER);
  bytes.writeUInt32LE(states, HEADER + 4);
  bytes.writeUInt32LE(SHOW_NAME | SHOW_VFS | SHOW_PEER | SHOW_ICONS, HEADER + 12);
  return bytes;
}

function answers(fd: number): UnixSocket[] | undefined {
  const found: UnixSocket[] = [];
  const buffer = Buffer.alloc(ANSWER);
  for (;;) {
    const count = recv(fd, buffer, buffer.length, MSG_DONTWAIT);
    if (count <= 0) return unless("recv(AF_NETLINK)");
    for (let at = 0; at + HEADER <= count; ) {
      const length = buffer.readUInt32LE(at);
      const type = buffer.readUInt16LE(at + 4);
      if (type === NLMSG_DONE) return found;
      if (type !== SOCK_DIAG_BY_FAMILY || length < HEADER + MESSAGE) return undefined;
      found.push(parsed(buffer.subarray(at + HEADER, at + length)));
      at += aligned(length);
    }
  }
}

function parsed(message: Buffer): UnixSocket {
  const found: UnixSocket = {
    inode: message.readUInt32LE(4),
    isListening: message.readUInt8(2) === TCP_LISTEN,
    name: "",
    waiting: [],
  };
  for (let at = MESSAGE; at + ATTRIBUTE <= message.length; ) {
    const length = message.readUInt16LE(at);
    if (length < ATTRIBUTE) break;
    const value = message.subarray(at + ATTRIBUTE, at + length);
    const type = message.readUInt16LE(at + 2);
    if (type === NAME) found.name = value.toString();
    else if (type === VFS) found.file = `${value.readUInt32LE(0)} ${value.readUInt32LE(4)}`;
    else if (type === PEER) found.peer = value.readUInt32LE(0);
    else if (type === ICONS)
      for (let one = 0; one + 4 <= value.length; one += 4) found.waiting.push(value.readUInt32LE(one));
    at += aligned(length);
  }
  return found;
}

const aligned = (length: number): number => (length + 3) & ~3;

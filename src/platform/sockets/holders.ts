/** Who holds a control socket, and who has connected to it. proc(5), unix(7). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import { peerCredentials } from "../libc/sockets.ts";
import { listenerBehind, type UnixSocket, unixSockets } from "../libc/unix-sockets.ts";
import { findNoSsh } from "../proc/ssh-process.ts";
import { DescriptorSocket } from "./descriptor-socket.ts";

/** The flag of a listening socket in /proc/net/unix. */
const LISTENING = "00010000";

/** ssh closes all but stdin, stdout and stderr when it starts: what it has made itself comes behind these. */
const OWN = 3;

/** How often it is looked for holders where there are none. */
const LOOKS = 3;

/** The end of the name under which ssh binds its socket, before it has its place: muxserver_listen() of mux.c. */
export const temporaryName = /\.[A-Za-z0-9]{16}$/;

/** A socket at which somebody listens. */
export interface Listener {
  /** Of the process that called listen(2), and its user. It may have ended since, and left it to a child. */
  pid: number;
  uid: number;
  /**
   * Its inode; empty for none of those that the kernel lists, as one of another network namespace. Undefined where
   * it lists none: then all count that were bound for the path. Others may be bound with the same name, by who has
   * other files there (a mount namespace).
   */
  socket: string | undefined;
}

/** Undefined if nobody listens there. */
export function listenerAt(path: string): Listener | undefined {
  return listenerOf(() => DescriptorSocket.connect(path));
}

/** The same, of a socket that may have no name. SO_PEERCRED, unix(7). */
export function listenerOf(connect: () => DescriptorSocket): Listener | undefined {
  return attempt(() => {
    const probe = connect();
    try {
      return { ...peerCredentials(probe.fd), socket: listenerBehind(probe.fd) };
    } finally {
      probe.destroy();
    }
  });
}

/** All that hold the socket at which a master listens for the control path, whoever they are. */
export function holdersOf(controlPath: string, socket: string | undefined): number[] {
  for (let looks = 1; ; looks++) {
    const sockets = listening(controlPath, socket);
    const pids = readdirSync("/proc").map(Number);
    const holders = pids.filter((pid) => pid > 0 && hasAny(pid, sockets));
    // one that was listed may have handed it to a child since, and ended
    if (holders.length > 0 || looks >= LOOKS || sockets.length === 0) return holders;
  }
}

/** @throws Error unless it is an ssh process that listens for the control path */
export function checkMaster(pid: number, controlPath: string, socket: string | undefined): void {
  const fault = findNoSsh(pid);
  if (fault !== undefined) throw new Error(`its master is ${fault}`);
  if (!hasAny(pid, listening(controlPath, socket), OWN))
    throw new Error(`process ${pid} does not listen there`);
}

/** Ends the ssh processes that hold it. */
export function endListeners(controlPath: string, socket: string | undefined): void {
  for (const pid of holdersOf(controlPath, socket)) if (findNoSsh(pid) === undefined) process.kill(pid);
}

/**
 * Connections to a socket which was bound for the path, accepted or not: the kernel keeps the name, also after it was
 * unlinked. A name with a line's end in it may add some.
 */
export function connectionsTo(controlPath: string): number {
  return boundFor(controlPath, listedInProc()).filter(({ isListening }) => !isListening).length;
}

function listening(controlPath: string, socket: string | undefined): string[] {
  if (socket !== undefined) return [socket];
  return boundFor(controlPath, unixSockets() ?? listedInProc()).flatMap(({ inode, isListening }) =>
    isListening ? `${inode}` : [],
  );
}

/** @param lowest the first descriptor that counts */
function hasAny(pid: number, sockets: readonly string[], lowest = 0): boolean {
  if (sockets.length === 0) return false;
  const fds = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return fds.some((fd) => {
    const inode = Number(fd) >= lowest ? socketInode(pid, fd) : undefined;
    return inode !== undefined && sockets.includes(inode);
  });
}

function socketInode(pid: number, fd: string): string | undefined {
  const target = attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
  return /^socket:\[(\d+)\]$/.exec(target ?? "")?.[1];
}

type Bound = Pick<UnixSocket, "name" | "inode" | "isListening">;

/** Also those whose name was a temporary one: the kernel keeps it. */
function boundFor(controlPath: string, all: readonly Bound[]): Bound[] {
  const isMeant = (name: string): boolean =>
    name === controlPath || name.replace(temporaryName, "") === controlPath;
  return all.filter(({ name }) => isMeant(name.replace(/\0$/, "")));
}

/** Connections that were not accepted yet are lines of their own. */
function listedInProc(): Bound[] {
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, flags, inode, name] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.*)$/.exec(line) ?? [];
      if (inode === undefined || name === undefined) return [];
      return [{ name, inode: Number(inode), isListening: flags === LISTENING }];
    });
}

/** Whether a process is OpenSSH's client, and who holds a control socket. proc(5), unix(7). */
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { ProcessId } from "../../policy/request.ts";
import { type Executable, exePath, isBelowRoots, isRoots } from "./exe.ts";
import { livingStat } from "./stat.ts";

/** The flag of a listening socket in /proc/net/unix. */
const LISTENING = "00010000";

/** ssh closes all but stdin, stdout and stderr when it starts: what it has made itself comes behind these. */
const OWN = 3;

export const ENDED = "a process that has ended";

type Seen = Pick<Executable, "path" | "deleted" | "removed" | "foreign">;

/** What is looked at. Handed in by tests. */
export interface SshEdges {
  exePath(pid: number): Seen | undefined;
  /** @throws Error if there is none */
  stat(path: string): { uid: number; mode: number };
}

const system: SshEdges = { exePath, stat: statSync };

/** @returns why it is none; undefined if it is the ssh of this system, running as this user */
export function findNoSsh(pid: number, edges = system): string | undefined {
  try {
    if (!isOwn(pid, edges)) return "another user's process";
    const exe = edges.exePath(pid);
    if (!exe) return ENDED;
    if (isSsh(pid, exe, edges)) return undefined;
    if (exe.foreign) return `${exe.path}, which sees other files than muxguard (a mount namespace)`;
    return `${exe.path}${exe.deleted ? " (its file is gone)" : ""}, which is not ssh`;
  } catch {
    return ENDED;
  }
}

/**
 * What tells one image of ssh from another in the same process: its file, and where the kernel has put its
 * code and arguments. The kernel counts no execs, but each one draws these addresses anew, and a fork keeps
 * them. A process could have them not drawn (personality(2)); then two images of ssh look alike, and no other
 * program like ssh.
 * @returns undefined for what is not ssh, or has ended
 */
export function sshImage({ pid, startTime }: ProcessId): string | undefined {
  return attempt(() => {
    const stat = livingStat(readFileSync(`/proc/${pid}/stat`));
    const exe = exePath(pid);
    if (stat?.startTime !== startTime || !exe || !isOwn(pid, system) || !isSsh(pid, exe, system))
      return undefined;
    const isHidden = /^[01] 0 /.test(stat.layout); // from whoever may not look at its memory
    return isHidden ? undefined : `${exe.file} ${stat.layout}`;
  });
}

function isOwn(pid: number, { stat }: SshEdges): boolean {
  return stat(`/proc/${pid}`).uid === process.geteuid?.();
}

/**
 * One of the system's, or the one that the guard itself would run.
 *
 * A process chooses the text of its path: by a mount of its own, or by a file that it removes. So it is the
 * file itself that counts, as exePath() has it. Where that is no longer at its path, as after an upgrade of
 * ssh, nobody but root may have put it there.
 */
function isSsh(pid: number, { path, deleted, removed, foreign }: Seen, { stat }: SshEdges): boolean {
  if (foreign || basename(path) !== "ssh") return false;
  const file = stat(`/proc/${pid}/exe`);
  if (deleted) return removed && isRoots(file) && isBelowRoots(path, stat);
  return isRoots(file) || path === ownSsh();
}

function ownSsh(): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    try {
      return realpathSync(join(folder, "ssh"));
    } catch {
      // not in this one
    }
  }
  return undefined;
}

/** Whether the process listens for the control path, at a socket that it has made itself. */
export function isListener(pid: number, controlPath: string): boolean {
  return held(pid, boundFor(controlPath, true), OWN).length > 0;
}

/**
 * Those of the sockets that the process has, by inode.
 * @param lowest the first descriptor that counts
 */
function held(pid: number, inodes: readonly string[], lowest = 0): string[] {
  if (inodes.length === 0) return [];
  const fds = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  const sockets = fds.filter((fd) => Number(fd) >= lowest).map((fd) => socketInode(pid, fd));
  return inodes.filter((inode) => sockets.includes(inode));
}

/** How often it is looked for holders where there are none. */
const LOOKS = 3;

/**
 * All that hold the socket which was bound for the control path, whoever they are.
 * @param masters whose sockets count, if one of them has any: others may be bound with the same name, by who has
 * other files there (a mount namespace)
 */
export function holdersOf(controlPath: string, masters: readonly number[] = []): number[] {
  for (let looks = 1; ; looks++) {
    const named = boundFor(controlPath, true);
    const own = masters.flatMap((pid) => held(pid, named, OWN));
    const inodes = own.length > 0 ? own : named;
    const pids = readdirSync("/proc").map(Number);
    const holders = pids.filter((pid) => pid > 0 && held(pid, inodes).length > 0);
    // one that was listed may have handed it to a child since, and ended
    if (holders.length > 0 || looks >= LOOKS || named.length === 0) return holders;
  }
}

/** @throws Error unless it is an ssh process that listens for the control path */
export function checkMaster(pid: number, controlPath: string): void {
  const fault = findNoSsh(pid);
  if (fault !== undefined) throw new Error(`its master is ${fault}`);
  if (!isListener(pid, controlPath)) throw new Error(`process ${pid} does not listen there`);
}

/** Ends the ssh processes that listen at a socket which was bound for the control path. */
export function endListeners(controlPath: string): void {
  for (const pid of holdersOf(controlPath)) if (findNoSsh(pid) === undefined) process.kill(pid);
}

/**
 * Connections that were accepted by a socket which was bound for the path: the kernel keeps the name, also
 * after it was unlinked.
 */
export function connectionsTo(controlPath: string): number {
  return boundFor(controlPath, false).length;
}

/**
 * Inodes of sockets, as /proc/net/unix has them. ssh binds its socket under a name with a dot and 16 characters
 * more, and the kernel keeps that name: muxserver_listen() of mux.c.
 */
function boundFor(controlPath: string, listening: boolean): string[] {
  const inodes: string[] = [];
  for (const line of readFileSync("/proc/net/unix", "utf8").split("\n")) {
    const [, flags, inode, name] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.*)$/.exec(line) ?? [];
    if (inode === undefined || name === undefined || (flags === LISTENING) !== listening) continue;
    if (name === controlPath || isTemporaryName(name, controlPath)) inodes.push(inode);
  }
  return inodes;
}

function isTemporaryName(name: string, controlPath: string): boolean {
  return name.startsWith(`${controlPath}.`) && /^\.[A-Za-z0-9]{16}$/.test(name.slice(controlPath.length));
}

function socketInode(pid: number, fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
  } catch {
    return undefined;
  }
}

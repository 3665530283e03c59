/** Whether a process is OpenSSH's client. proc(5). */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { ProcessId } from "../../policy/request.ts";
import { type Executable, exePath, isBelowRoots, isRoots } from "./exe.ts";
import { livingStat } from "./stat.ts";

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

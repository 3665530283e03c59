/** A signal for one process, and for none that got its pid since. pidfd_send_signal(2). */
import { closeSync, readFileSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import type { ProcessId } from "../../policy/request.ts";
import { openPidfd, sendSignal } from "../libc/pidfd.ts";
import { isProcess } from "./process.ts";
import { parseStat, type Stat } from "./stat.ts";

/** @returns false if it has ended, or is not this user's */
export function signalProcess({ pid, startTime }: ProcessId, signal: NodeJS.Signals): boolean {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return false;
  try {
    // the descriptor first: what is still the same process now is the one that it stands for
    return isProcess(pid, startTime) && sendSignal(pidfd, signal);
  } finally {
    closeSync(pidfd);
  }
}

/**
 * For the oldest child of a process: of what starts a command, that command. What it adopts comes behind.
 * @returns false if it has none
 */
export function signalFirstChild(pid: number, signal: NodeJS.Signals): boolean {
  const child = firstChild(pid);
  if (child) signalProcess(child, signal);
  return child !== undefined;
}

/** Whether the same child is stopped, as by Ctrl-Z, and the parent of the process is not. */
export function hasFirstChildStopped(pid: number): boolean {
  if (firstChild(pid)?.state !== "T") return false;
  const parent = attempt(() => statOf(statOf(pid).parent));
  return parent !== undefined && parent.state !== "T";
}

function statOf(pid: number | string): Stat {
  return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
}

function firstChild(pid: number): (ProcessId & { state: string }) | undefined {
  return attempt(() => {
    const [first = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    if (first === "") return undefined;
    const { startTime, state } = statOf(first);
    return { pid: Number(first), startTime, state };
  });
}

/** A signal for one process, and for none that got its pid since. pidfd_send_signal(2). */
import { closeSync } from "node:fs";
import type { ProcessId } from "../../policy/request.ts";
import { openPidfd, sendSignal } from "../libc/pidfd.ts";
import { isProcess } from "./process.ts";

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

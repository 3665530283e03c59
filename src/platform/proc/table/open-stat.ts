/** An open /proc/PID/stat, which stays with its process even if the pid is used again. */
import { openSync } from "node:fs";
import { isShortage } from "../../../errors.ts";

/** A process that ended, or that /proc doesn't show. */
export class ProcessGone extends Error {
  override name = "ProcessGone";
}

/** @throws ProcessGone */
export function openStat(pid: number): number {
  try {
    return openSync(`/proc/${pid}/stat`, "r");
  } catch (error) {
    // an ancestor that is only not read must not pass for the end of the line: a run's holder may be above
    if (isShortage(error)) throw error;
    throw new ProcessGone(`process ${pid} has ended, or /proc does not show it`);
  }
}

/** The process that holds a run. */

import { adoptOrphans, setLockLimit, setProcessName } from "../platform/libc/process.ts";
import { reapOrphans } from "../platform/proc/orphans.ts";
import { RUN_HOLDER } from "./in-run.ts";
import { markOfRun } from "./mark.ts";

/** From here on all descendants of this process are inside of a run. */
export function becomeRunHolder(): void {
  setProcessName(RUN_HOLDER);
  adoptOrphans();
  reapOrphans();
}

/** Marks this process, and all that it starts from here on, as inside of a run. */
export function markRun(): void {
  const lower = markOfRun();
  if (lower >= 0n) setLockLimit(lower);
}

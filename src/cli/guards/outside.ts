/** What changes the policy, or the set-up, is for a person: nothing inside of a run may do it. */
import { ProcessTable } from "../../platform/proc/process.ts";
import type { Caller } from "../../policy/request.ts";
import { readOutside } from "../../runs/in-run.ts";

/** @returns this process. @throws Error inside of a run */
export function demandOutside(): Caller {
  const self = readOutside(new ProcessTable(), process.pid);
  if (!self) throw new Error("refused: inside of a muxguard run");
  return self;
}

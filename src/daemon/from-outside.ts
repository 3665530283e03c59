/** Who controls the guard: a person, and nothing that is guarded. */
import { isSshProgram } from "../platform/proc/ssh-program.ts";
import type { Caller, ControlOperation } from "../policy/request.ts";

const INSIDE =
  "this process is inside of a muxguard run or of a container, and what is guarded can't control the guard";
const OVER_A_CONNECTION =
  "this comes over an ssh connection, of which nobody can say who is at its other end";

/**
 * The process at the other end. What it wants is logged where it is refused. @throws for one that is inside
 * of a run, or that passes on what comes over an ssh connection
 */
export type FromOutside = (operation?: ControlOperation) => Caller;

/** Why the caller may not control the guard; undefined if it may. */
export function whyNoControl(caller: Caller, isInRun: boolean): string | undefined {
  if (isInRun) return INSIDE;
  return isSshProgram(caller) ? OVER_A_CONNECTION : undefined;
}

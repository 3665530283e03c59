/** Who controls the guard: a person, and nothing that is guarded. */
import type { Caller, ControlOperation } from "../policy/request.ts";

/**
 * The process at the other end. What it wants is logged where it is refused. @throws for one that is inside
 * of a run, or that passes on what comes over an ssh connection
 */
export type FromOutside = (operation?: ControlOperation) => Caller;

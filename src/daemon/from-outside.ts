/** Who controls the guard: a person, and nothing that is guarded. */
import type { Caller, ControlOperation } from "../policy/request.ts";

/**
 * The process at the other end. What it wants is logged where it is refused. @throws for one that is inside
 * of a run
 */
export type FromOutside = (operation?: ControlOperation) => Caller;

/** What the bench and the guard of the week say to each other. */
import type { GrantFacts } from "../../src/policy/grants.ts";

/**
 * To set the clock, in milliseconds since the guard's start; to take over a shared connection, as `muxguard
 * adopt` does; or just to ask.
 */
export type ToGuard = { clock: number } | { adopt: string } | { look: true };

export interface FromGuard {
  grants: GrantFacts[];
  fault?: string;
}

/**
 * What is inside of a run.
 *
 * The name of the process that holds the run is its mark. Every guard knows by it what is inside of a run, also inside of one that another guard guards. Only a
 * process itself can set its name: what is guarded can't take the mark off its ancestor, and whoever sets it without being a holder locks nobody out but itself.
 */
import type { Caller } from "../policy/request.ts";
import { MAX_ANCESTORS } from "./process.ts";

/** The kernel keeps 15 bytes. */
export const RUN_HOLDER = "muxguard run";

/** @param holders processes that hold runs, whatever their name is */
export function isInRun({ ancestors }: Caller, holders: ReadonlySet<number> = new Set()): boolean {
  // a line without a visible end may lead to a holder
  if (ancestors.length >= MAX_ANCESTORS) return true;
  return ancestors.some(({ pid, name }) => name === RUN_HOLDER || holders.has(pid));
}

/**
 * What is inside of a run, told without libc, which takes long to load.
 *
 * The name of the process that holds the run shows it: every guard knows by it what is inside of a run, also
 * inside of one that another guard guards. Only a process itself can set its name: what is guarded can't take
 * it off its ancestor, and whoever sets it without being a holder locks nobody out but itself. What has
 * killed its holder is known by its mark (mark.ts).
 */

import { MAX_ANCESTORS, type ProcessTable } from "../platform/proc/process.ts";
import type { Caller } from "../policy/request.ts";
import { isMarked } from "./mark.ts";

/** The kernel keeps 15 bytes. */
export const RUN_HOLDER = "muxguard run";

/**
 * Whether a process is inside of a run, or in a container, where nobody can tell.
 * @param holders processes that hold runs, whatever their name is
 * @param marked whether a process carries the mark of a run
 */
export function isInRun(
  caller: Caller,
  holders: ReadonlySet<number> = new Set(),
  marked = isMarked,
): boolean {
  const { ancestors, container } = caller;
  if (container || marked(caller)) return true;
  // a line without a visible end may lead to a holder
  if (ancestors.length >= MAX_ANCESTORS) return true;
  return ancestors.some(({ pid, name }) => name === RUN_HOLDER || holders.has(pid));
}

/**
 * Whether it holds a run that is inside of no other one. What is inside of a run carries its mark, and can't
 * pass for one.
 */
export function isRunHolder(caller: Caller): boolean {
  return caller.name === RUN_HOLDER && !isInRun(caller);
}

/** The process as it is now; undefined if it is gone, or inside of a run. */
export function readOutside(
  processes: ProcessTable,
  pid: number,
  holders?: ReadonlySet<number>,
): Caller | undefined {
  try {
    const found = processes.read(pid);
    return isInRun(found, holders) ? undefined : found;
  } catch {
    return undefined;
  }
}

/**
 * The process that holds a run, and what is inside of it.
 *
 * The holder's name shows it: every guard knows by it what is inside of a run, also inside of one that another guard guards. Only a process itself can
 * set its name: what is guarded can't take it off its ancestor, and whoever sets it without being a holder locks nobody out but itself. What has killed its
 * holder is known by its mark (run-mark.ts).
 */
import type { Caller } from "../policy/request.ts";
import { adoptOrphans, setProcessName } from "./libc.ts";
import { reapOrphans } from "./orphans.ts";
import { MAX_ANCESTORS } from "./process.ts";
import { isMarked } from "./run-mark.ts";

/** The kernel keeps 15 bytes. */
const NAME = "muxguard run";

/** From here on all descendants of this process are inside of a run. */
export function becomeRunHolder(): void {
  setProcessName(NAME);
  adoptOrphans();
  reapOrphans();
}

/**
 * Whether a process is inside of a run, or in a container, where nobody can tell.
 * @param holders processes that hold runs, whatever their name is
 */
export function isInRun({ pid, ancestors, container }: Caller, holders: ReadonlySet<number>): boolean {
  if (container || isMarked(pid)) return true;
  // a line without a visible end may lead to a holder
  if (ancestors.length >= MAX_ANCESTORS) return true;
  return ancestors.some(({ pid, name }) => name === NAME || holders.has(pid));
}

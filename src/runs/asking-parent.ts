/**
 * Whoever waits while a program of muxguard's asks in its stead: muxguard-askpass, a shim of ssh. It is that
 * program's parent.
 */
import { attempt } from "../attempt.ts";
import { callerIn, type Scope } from "../guard/decide/scope.ts";
import type { Asker } from "../guard/decide/verdict.ts";
import { runsSameFile } from "../platform/proc/exe.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import type { Caller } from "../policy/request.ts";

/** @throws Error if it has ended: the program that asks is another's child then */
export function parentOf({ ancestors: [parent] }: Caller, processes: ProcessTable): Caller {
  if (!parent) throw new Error("the program that asks has no parent");
  return processes.read(parent.pid, parent.startTime);
}

/** @param read who asks, as it is now; throws if it has ended */
export function askerOf(read: () => Caller, gone: AbortSignal, scope: Scope): Asker {
  const before = attempt(read);
  const caller = before && callerIn(scope, before);
  const isUnchanged = (): boolean => {
    const now = attempt(read);
    return before !== undefined && now?.startTime === before.startTime && runsSameFile(now, before);
  };
  return { caller, gone, tells: true, isUnchanged };
}

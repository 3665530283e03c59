/**
 * Whoever waits while a program of muxguard's asks in its stead: muxguard-askpass, a shim of ssh. It is that
 * program's parent. One whose parent has ended, or that a run has started itself, asks for itself: what holds
 * the run wants nothing, nor does the first process.
 */
import { attempt } from "../attempt.ts";
import { callerIn, type Scope } from "../guard/decide/scope.ts";
import type { Asker } from "../guard/decide/verdict.ts";
import { runsSameFile } from "../platform/proc/exe.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import type { Caller } from "../policy/request.ts";
import { RUN_HOLDER } from "./in-run.ts";

/**
 * @param isHolder whether a pid is that of a process which holds a run
 * @throws Error if it has ended: the program that asks is another's child then
 */
export function askingFor(
  program: Caller,
  processes: ProcessTable,
  isHolder: (pid: number) => boolean = () => false,
): Caller {
  const [parent] = program.ancestors;
  if (!parent || parent.pid === 1 || parent.name === RUN_HOLDER || isHolder(parent.pid)) return program;
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

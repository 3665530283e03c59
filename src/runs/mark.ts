/**
 * The mark of a run that its programs can't take off: a lowered limit. It is inherited over fork and exec,
 * and only CAP_SYS_RESOURCE in the first user namespace raises it again (do_prlimit() of the kernel's
 * kernel/sys.c), so it outlives the process that holds the run, which a program inside may kill.
 *
 * What holds a run keeps its own limit, one step above that of all that it starts. So what is inside of a run
 * can't pass for what holds one, and a run inside of a run has a lower mark than the outer one.
 *
 * RLIMIT_LOCKS says how many file locks a process may have; no kernel since 2.5 has looked at it, so that
 * nothing fails. A cgroup would be no such mark: a process that may write to one it is put into may also
 * leave it. PR_SET_NO_NEW_PRIVS, seccomp and Landlock would take sudo from the run's programs.
 */
import { readFileSync } from "node:fs";
import { isProcess } from "../platform/proc/process.ts";
import type { ProcessId } from "../policy/request.ts";

const UNLIMITED = 2n ** 64n - 1n;
const MARKED = 2n ** 62n;
/** Of a confined run that is in no other run: between what is in none, and what is in a plain one. */
const CONFINED = 3n * 2n ** 61n;

/** As it was when this process began. What has less is inside of a run, seen from here. */
const own = lockLimit("self") ?? UNLIMITED;

/** Of processes, seen from this one. Handed in by tests. */
export interface Marks {
  /** Whether it carries the mark of a run. True also where nobody can say. */
  isMarked(process: ProcessId): boolean;
  /** Whether it carries the mark of a run inside of the one that the holder holds. True also where nobody can say. */
  isDeeper(process: ProcessId, holder: number, confined?: boolean): boolean;
}

/** The limit that marks what this process starts. Negative where it can't go lower. */
export function markOfRun(confined = false): bigint {
  return markBelow(own, confined);
}

export function isMarked({ pid, startTime }: ProcessId): boolean {
  const limit = lockLimit(pid);
  // its pid may be another's by now
  return limit === undefined || limit < own || !isProcess(pid, startTime);
}

/**
 * Like isMarked(), of a pid that was just listed, but for what is in a confined run: no socket outside is there
 * for it. What is in a plain run can't raise its limit to pass for such. Undefined for one that has ended.
 */
export function isInPlainRun(pid: number): boolean | undefined {
  const limit = lockLimit(pid);
  return limit === undefined ? undefined : limit < own && limit !== CONFINED;
}

/** Whether this process carries a mark itself. A limit that is as low for another reason counts too. */
export function isSelfMarked(): boolean {
  return own <= CONFINED;
}

export function isDeeper({ pid, startTime }: ProcessId, holder: number, confined = false): boolean {
  const [limit, above] = [lockLimit(pid), lockLimit(holder)];
  if (limit === undefined || above === undefined) return true;
  return limit < markBelow(above, confined) || !isProcess(pid, startTime);
}

export const marks: Marks = { isMarked, isDeeper };

function markBelow(limit: bigint, confined: boolean): bigint {
  if (confined && limit > CONFINED) return CONFINED;
  return limit > MARKED ? MARKED : limit - 1n;
}

function lockLimit(pid: number | "self"): bigint | undefined {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, "latin1");
    const [, hard] = /^Max file locks +\S+ +(\d+|unlimited)/m.exec(limits) ?? [];
    return hard === undefined ? undefined : hard === "unlimited" ? UNLIMITED : BigInt(hard);
  } catch {
    return undefined; // it has ended
  }
}

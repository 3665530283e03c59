/**
 * The mark of a run that its programs can't take off: a lowered limit. It is inherited over fork and exec,
 * and only CAP_SYS_RESOURCE in the first user namespace raises it again (do_prlimit() of the kernel's
 * kernel/sys.c), so it outlives the process that holds the run, which a program inside may kill.
 *
 * RLIMIT_LOCKS says how many file locks a process may have; no kernel since 2.5 has looked at it, so that
 * nothing fails. A cgroup would be no such mark: a process that may write to one it is put into may also
 * leave it. PR_SET_NO_NEW_PRIVS, seccomp and Landlock would take sudo from the run's programs.
 */
import { readFileSync } from "node:fs";

const UNLIMITED = 2n ** 64n - 1n;
const MARKED = 2n ** 62n;

/** As it was when this process began. What has less is inside of a run, seen from here. */
const own = lockLimit("self") ?? UNLIMITED;

/** The limit that marks this process and all that it starts. Negative where it can't go lower. */
export function markOfRun(): bigint {
  return own > MARKED ? MARKED : own - 1n;
}

/** True also where that can't be read. */
export function isMarked(pid: number): boolean {
  const limit = lockLimit(pid);
  return limit === undefined || limit < own;
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

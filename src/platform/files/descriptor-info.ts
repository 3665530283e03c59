/** What /proc tells of an open descriptor beside its path: proc_pid_fdinfo(5). */
import { readFileSync } from "node:fs";
import { attempt } from "../../attempt.ts";

export interface DescriptorInfo {
  /** As of open(2). */
  flags: number;
  /** No two mounts have the same number at a time, in whatever namespace they are. */
  mount: string;
}

/** How many this process may have open: `ulimit -n`, RLIMIT_NOFILE of getrlimit(2). */
export function descriptorLimit(): number {
  const text = attempt(() => readFileSync("/proc/self/limits", "latin1")) ?? "";
  const [, limit] = /^Max open files\s+(\d+)/m.exec(text) ?? [];
  return Number(limit ?? Number.POSITIVE_INFINITY);
}

/** Undefined where it is not open, or another user's. */
export function descriptorInfo(pid: number | "self", fd: number): DescriptorInfo | undefined {
  const text = attempt(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1")) ?? "";
  const [, flags] = /^flags:\s*([0-7]+)$/m.exec(text) ?? [];
  const [, mount] = /^mnt_id:\s*(\d+)$/m.exec(text) ?? [];
  return flags === undefined || mount === undefined ? undefined : { flags: Number.parseInt(flags, 8), mount };
}

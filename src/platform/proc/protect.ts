/**
 * Keeps other processes of the same user out of this one. What guards the keys must not be steered by what it
 * guards: by ptrace, through /proc/PID, or by a debugger of Node's that is there already.
 */
import { readFileSync } from "node:fs";
import { url } from "node:inspector";
import { attempt } from "../../attempt.ts";
import { forbidTracing } from "../libc/process.ts";

/** @throws Error if a debugger is there already */
export function protectProcess(): void {
  forbidTracing();
  if (url() !== undefined) throw new Error("a debugger could steer this process; start it without --inspect");
}

/** In a line. */
export function tracingFault(read = readFileSync): string | undefined {
  const found = traceable(read);
  return found && `${found.what}; ${found.mend}`;
}

/**
 * What it means that any process of the user may trace any other, where the kernel lets it: Documentation/
 * admin-guide/LSM/Yama.rst of Linux. Undefined where it does not.
 */
export function traceable(read = readFileSync): { what: string; mend: string } | undefined {
  const scope = attempt(() => read("/proc/sys/kernel/yama/ptrace_scope", "utf8").trim());
  if (scope !== undefined && scope !== "0") return undefined;
  const [why, mend] =
    scope === undefined
      ? [
          "this kernel has no kernel.yama.ptrace_scope",
          "confine what you do not trust: muxguard run --confine",
        ]
      : ["kernel.yama.ptrace_scope is 0", "sysctl kernel.yama.ptrace_scope=1"];
  const what = `${why}: a program that is not confined can steer your shells, terminals and ssh`;
  return { what, mend };
}

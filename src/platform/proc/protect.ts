/**
 * Keeps other processes of the same user out of this one. They are what the keys are guarded from, and could
 * steer the guard: by ptrace, through /proc/PID, or by Node's debugger, which a SIGUSR1 switches on.
 */
import { url } from "node:inspector";
import { forbidTracing } from "../libc/process.ts";

/** Takes the place of Node's own handler, which starts the debugger. For the first line of a program. */
export function ignoreDebuggerSignal(): void {
  process.on("SIGUSR1", () => {});
}

/** @throws Error if a debugger is there already */
export function protectProcess(): void {
  forbidTracing();
  if (url() !== undefined) throw new Error("a debugger could steer this process; start it without --inspect");
}

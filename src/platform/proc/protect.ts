/**
 * Keeps other processes of the same user out of this one. What guards the keys must not be steered by what it
 * guards: by ptrace, through
 * /proc/PID, or by Node's debugger, which any of them could switch on with a SIGUSR1.
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

/**
 * Keeps other processes of the same user out of this one. What guards the keys must not be steered by what it
 * guards: by ptrace, through /proc/PID, or by a debugger of Node's that is there already.
 */
import { url } from "node:inspector";
import { forbidTracing } from "../libc/process.ts";

/** @throws Error if a debugger is there already */
export function protectProcess(): void {
  forbidTracing();
  if (url() !== undefined) throw new Error("a debugger could steer this process; start it without --inspect");
}

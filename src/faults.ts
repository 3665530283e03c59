/**
 * What nobody caught, of a whole program: one line, and its end. A program that goes on after that would do so
 * in a state that nobody knows. Of a guard that ends, nobody gets anything.
 */
import { messageOf } from "./errors.ts";
import { toStderr } from "./to-stderr.ts";

/** @param program as its lines begin: "muxguard" */
export function endOnFaults(program: string, exitCode = 1): void {
  const end = (error: unknown): never => {
    toStderr(`${program}: internal fault: ${messageOf(error)}`);
    process.exit(exitCode);
  };
  process.on("uncaughtException", end); // for what is rejected, too: Node makes one of it
}

/**
 * A program that is asked, with all that it has started: where it is a script, its dialog has to go with it.
 * It is spawned detached, as a group of its own.
 */
import type { ChildProcess } from "node:child_process";

/** How long it may take to end, in milliseconds. */
const GRACE = 1000;

/** Asks it to end, and then makes it. Nothing that it says counts any more. */
export function stopGroup(child: ChildProcess): void {
  killGroup(child, "SIGTERM");
  const grace = setTimeout(() => killGroup(child, "SIGKILL"), GRACE);
  child.once("close", () => clearTimeout(grace));
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // it has ended already
  }
}

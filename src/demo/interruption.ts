/** Ctrl-C and its like, held back until everything is cleaned up. */
import { constants } from "node:os";
import { hasCode } from "../errors.ts";

const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Thrown when it is time to stop. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/**
 * Runs it. A signal aborts `stop`, and once it has come to its end this process ends by that signal. Nobody
 * left to read the output aborts it too, and is no fault: `muxguard demo | head`.
 */
export async function interruptible(act: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  let received: NodeJS.Signals | undefined;
  const receive = (signal: NodeJS.Signals): void => {
    received ??= signal; // npm passes on what the terminal has sent already, so the second one means nothing
    stop.abort(new Interrupted(signal));
  };
  const fail = (error: Error): void => stop.abort(error);
  for (const signal of signals) process.on(signal, receive);
  process.stdout.on("error", fail);
  try {
    await act(stop.signal);
    stop.signal.throwIfAborted();
  } catch (error) {
    if (error instanceof Interrupted) received ??= "SIGINT";
    // what fails after a signal failed because of it
    if (hasCode(stop.signal.reason, "EPIPE")) return;
    if (received === undefined) throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    for (const signal of signals) process.removeListener(signal, receive);
  }
  if (received !== undefined) process.kill(process.pid, received);
}

/**
 * A prompt reads the terminal raw, so Ctrl-C at it is no signal for this process; the command's exit code
 * tells of it.
 * @throws Interrupted
 */
export function checkInterrupted(exitCode: number): void {
  if (exitCode === 128 + constants.signals.SIGINT) throw new Interrupted("SIGINT");
}

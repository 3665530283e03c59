/**
 * A program that is asked, with all that it has started: where it is a script, its dialog has to go with it.
 * It is a group of its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import type { Writable } from "node:stream";
import { codeOf } from "../errors.ts";

/** How long it may take to end, in milliseconds. */
const GRACE = 1000;

/**
 * Whatever ends the guard, SIGKILL too, its question leaves the screen: its end closes descriptor 3, and a
 * process that waits for that ends the group. It stays in the group, so that nobody else gets its number. A
 * line there says that the program has ended.
 *
 * The program takes the shell's place, so that its end is told as it was. It has no child that it did not
 * start: one in the middle ends at once.
 */
const WITH_GUARD = `
((trap '' HUP INT TERM
  read -r _ <&3 || { kill -TERM 0; sleep 1; kill -KILL 0; }
) < /dev/null > /dev/null 2>&1 &)
exec "$@" 3<&-`;

/** @throws Error if there is no such program */
export function startGroup(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  stdin: "ignore" | "pipe",
): ChildProcess {
  if (program.includes("/")) mustBeThere(program);
  const child = spawn("/bin/sh", ["-c", WITH_GUARD, "sh", program, ...args], {
    env: environment,
    stdio: [stdin, "pipe", "pipe", "pipe"],
    detached: true,
  });
  // without a free descriptor there is none, and "error" follows
  const lifeline = child.stdio[3] as Writable | undefined;
  lifeline?.on("error", () => {}); // it was stopped
  child.once("exit", () => lifeline?.end("\n"));
  return child;
}

function mustBeThere(program: string): void {
  try {
    accessSync(program, constants.X_OK);
  } catch (error) {
    throw new Error(`spawn ${program} ${codeOf(error)}`);
  }
}

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

/**
 * The processes of a bench and the folder that they work in: all of it is gone when the bench is, however it
 * ends.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";

/**
 * Of the folder's own path: the names of sockets in it have to fit into the 108 bytes of sun_path. unix(7)
 */
const MAX_FOLDER = 50;

export class Processes {
  readonly folder: string;
  readonly #children = new Set<ChildProcess>();
  /** Of processes that put themselves into the background. */
  readonly #daemons = new Set<number>();

  constructor() {
    const parent = tmpdir().length > MAX_FOLDER ? "/tmp" : tmpdir();
    this.folder = mkdtempSync(join(parent, "mgb-"));
    process.once("exit", () => this.#end());
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }

  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const child = spawn(command, args, options);
    this.#children.add(child);
    for (const end of ["exit", "error"]) child.once(end, () => this.#children.delete(child));
    return child;
  }

  adopt(pid: number): void {
    this.#daemons.add(pid);
  }

  /** Ends them all in order, and waits for those that are children. */
  async close(): Promise<void> {
    const ends = [...this.#children].map((child) => once(child, "exit"));
    this.#end();
    await Promise.all(ends);
  }

  #end(): void {
    for (const child of this.#children) child.kill("SIGTERM");
    for (const pid of this.#daemons) endProcess(pid);
    this.#daemons.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // ended already
  }
}

/** Resolves with the child's first words on stdout (or stderr), or its first message over IPC. */
export function ready(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    (child.stdout ?? child.stderr)?.once("data", (words: Buffer) => resolve(words.toString()));
    child.once("message", (message) => resolve(String(message)));
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`${child.spawnfile} ended: ${code ?? signal}`)));
  });
}

/** Ends a child, and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  if (child.kill("SIGTERM")) await ended;
}

/** All that it prints; nothing if there is no such program. */
export async function output(child: ChildProcess): Promise<string> {
  const started = once(child, "spawn").then(
    () => true,
    () => false,
  );
  return (await started) && child.stdout ? text(child.stdout) : "";
}

/** Waits for what another process brings about. */
export async function until(condition: () => boolean, what: () => string, limit = 30_000): Promise<void> {
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${limit} ms in vain for ${what()}`);
    await setTimeout(20);
  }
}

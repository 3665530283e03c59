/** The processes of a laboratory: all of them end when it does. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export type Start = (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess;

export class Processes {
  readonly #children = new Set<ChildProcess>();
  /** Of those that put themselves into the background. */
  readonly #pids = new Set<number>();

  start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(command, args, options);
    this.#children.add(child);
    for (const end of ["exit", "error"]) child.once(end, () => this.#children.delete(child));
    return child;
  }

  /** Of one that is no child, and ends with the others. */
  adopt(pid: number): void {
    this.#pids.add(pid);
  }

  /** Asks all of them to end, and waits for none: what a process can do last. */
  kill(): void {
    for (const child of this.#children) child.kill("SIGTERM");
    for (const pid of this.#pids) signal(pid);
    this.#pids.clear();
  }

  async close(): Promise<void> {
    const children = [...this.#children];
    this.kill();
    await Promise.all(children.map((child) => ended(child)));
  }
}

/** Asks a process to end that may have ended by now. */
export function signal(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // it has
  }
}

/** What a program printed from now on, and how it ended. */
export function finished(child: ChildProcess): Promise<Result> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Reads a program's stderr from now on. Returns what came so far. */
export function stderrOf({ stderr }: ChildProcess): () => string {
  return textOf(stderr);
}

/** The same of its stdout. */
export function stdoutOf({ stdout }: ChildProcess): () => string {
  return textOf(stdout);
}

function textOf(stream: Readable | null): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  return () => text;
}

/**
 * Resolves with a program's first words on stdout (without one, on stderr), or its first message over IPC.
 * Rejects if it ends before.
 */
export function firstWords(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = child.stdout ?? child.stderr;
    stream?.setEncoding("utf8").once("data", (words: string) => resolve(words.trim()));
    stream?.resume(); // what it says later is nobody's
    child.once("message", (message) => resolve(String(message)));
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`${child.spawnfile} ended: ${code ?? signal}`)));
  });
}

export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
    return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Asks a program to end, and waits for it. */
export async function endOf(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  await ended(child);
}

/**
 * Waits for something that another process brings about.
 * @param limit in milliseconds
 * @param pause between two looks at it, in milliseconds
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  limit = 20_000,
  pause = 10,
): Promise<void> {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end)
      throw new Error(`waited ${limit} ms in vain for ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

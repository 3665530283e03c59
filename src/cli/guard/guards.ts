/** The guards that run: the daemon's, and those of runs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { MessageConnection } from "vscode-jsonrpc/node.js";
import { isRunFolder } from "../../runs/folders.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import { connectGuard } from "./guard-connection.ts";

/** How long a guard may take to answer, in milliseconds: one of a run that was stopped (Ctrl-Z) doesn't. */
const PATIENCE = 3000;

type Use<T> = (connection: MessageConnection, path: string) => Promise<T>;

/**
 * Calls `use` with a connection to each, and returns the results. What one guard says is no word about
 * another's.
 * @param report told of a guard that does not answer, and of what is none
 */
export async function eachGuard<T>(use: Use<T>, report = toStderr): Promise<T[]> {
  const { runtime, daemonSocket } = openPaths();
  const runs = readdirSync(runtime).filter(isRunFolder);
  const paths = [daemonSocket, ...runs.map((name) => join(runtime, name, "daemon.sock"))];
  return (await Promise.all(paths.map((path) => useGuard(path, use, report)))).flat();
}

/** Empty where no guard listens, or none that answers. */
export async function useGuard<T>(path: string, use: Use<T>, report = toStderr): Promise<T[]> {
  const connection = await connectGuard(path, report);
  if (!connection) return [];
  try {
    return [await inTime(use(connection, path))];
  } catch (error) {
    if (error !== tooLate) throw error;
    report(`muxguard: the guard at ${path} does not answer`);
    return [];
  } finally {
    connection.end();
  }
}

const tooLate = new Error("no answer in time");

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLate), PATIENCE);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The guards that run: the daemon's, and those of runs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import type { GuardConnection } from "../../rpc/connecting.ts";
import { RpcError } from "../../rpc/connection.ts";
import { isRunFolder } from "../../runs/folders.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import { connectGuard } from "./guard-connection.ts";

/** How long a guard may take to answer, in milliseconds: one that was stopped (Ctrl-Z) doesn't. */
const PATIENCE = 3000;

type Use<T> = (guard: GuardConnection, path: string) => Promise<T>;

/** A guard listens, and says nothing. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/**
 * Calls `use` with a connection to each, and returns the results. What one guard says is no word about
 * another's.
 * @param report told of a guard that does not answer or refuses, and of what is none
 * @throws RpcError where all that answer refuse
 */
export async function eachGuard<T>(use: Use<T>, report = toStderr): Promise<T[]> {
  const { runtime, daemonSocket } = openPaths();
  const runs = readdirSync(runtime).filter(isRunFolder);
  const paths = [daemonSocket, ...runs.map((name) => join(runtime, name, "daemon.sock"))];
  const said = await Promise.allSettled(paths.map((path) => useGuard(path, use, report)));
  const results = said.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const [first, ...more] = said.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  if (first !== undefined && results.length === 0) throw first;
  for (const refusal of [first, ...more])
    if (refusal !== undefined) report(`muxguard: ${messageOf(refusal)}`);
  return results;
}

/**
 * Empty where no guard listens, or none that answers and is understood: it must not stand in the way of the
 * others. @throws RpcError for a guard that refuses
 */
export async function useGuard<T>(path: string, use: Use<T>, report = toStderr): Promise<T[]> {
  try {
    return await useAnswering(path, use, report);
  } catch (error) {
    if (error instanceof RpcError) throw error;
    const said = error instanceof NoAnswer ? error.message : `${path} is passed over: ${messageOf(error)}`;
    report(`muxguard: ${said}`);
    return [];
  }
}

/** Empty where no guard listens. @throws NoAnswer for one that does not answer in time */
export async function useAnswering<T>(path: string, use: Use<T>, report = toStderr): Promise<T[]> {
  const guard = await connectGuard(path, report);
  if (!guard) return [];
  try {
    return [await inTime(use(guard, path), new NoAnswer(`the guard at ${path} does not answer`))];
  } finally {
    guard.end();
  }
}

async function inTime<T>(answer: Promise<T>, tooLate: NoAnswer): Promise<T> {
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

/** The guards that run: the daemon's, and those of runs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isShortage, messageOf } from "../../errors.ts";
import type { GuardConnection } from "../../rpc/connecting.ts";
import { RpcError } from "../../rpc/connection.ts";
import { isRunFolder } from "../../runs/folders.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStderr } from "../../to-stderr.ts";
import { connectGuard } from "./guard-connection.ts";
import { inTime, NoAnswer } from "./no-answer.ts";

type Use<T> = (guard: GuardConnection, path: string) => Promise<T>;

/**
 * Calls `use` with a connection to each, and returns the results. What one guard says is no word about
 * another's.
 * @param report told of a guard that does not answer or refuses, and of what is none
 * @throws RpcError where all that answer refuse
 * @throws NoAnswer where guards listen, and none answers
 */
export async function eachGuard<T>(use: Use<T>, report = toStderr): Promise<T[]> {
  const { runtime, daemonSocket } = openPaths();
  const runs = readdirSync(runtime).filter(isRunFolder);
  const paths = [daemonSocket, ...runs.map((name) => join(runtime, name, "daemon.sock"))];
  const said = await Promise.allSettled(paths.map((path) => useUnderstood(path, use, report)));
  const results = said.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const [first, ...more] = said.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  if (first !== undefined && results.length === 0) throw first;
  for (const refusal of [first, ...more])
    if (refusal !== undefined) report(`muxguard: ${messageOf(refusal)}`);
  return results;
}

/**
 * Empty where no guard listens, or none that is understood: it must not stand in the way of the others.
 * @throws RpcError for a guard that refuses
 * @throws NoAnswer
 * @throws Error where this process has no descriptor left to look
 */
export async function useUnderstood<T>(path: string, use: Use<T>, report = toStderr): Promise<T[]> {
  try {
    return await useAnswering(path, use, report);
  } catch (error) {
    if (error instanceof RpcError || error instanceof NoAnswer || isShortage(error)) throw error;
    report(`muxguard: ${path} is passed over: ${messageOf(error)}`);
    return [];
  }
}

/** Empty where no guard listens. @throws NoAnswer for one that does not answer in time */
export async function useAnswering<T>(path: string, use: Use<T>, report = toStderr): Promise<T[]> {
  const guard = await connectGuard(path, report);
  if (!guard) return [];
  try {
    return [await inTime(use(guard, path), path)];
  } finally {
    guard.end();
  }
}

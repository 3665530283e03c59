/**
 * Another daemon in the place of this one. Both would put their sockets back against each other without end: so the
 * one that was started earlier gives way. Two come to be where the folder was moved away while this one could not
 * look, or where two start at once behind one that was killed.
 *
 * Any program of the user's can listen there. One inside of a run is never given way to, nor what comes from a
 * container, nor what does not answer as a daemon does. Who is outside of all runs can end the daemon anyhow. One
 * that was itself started inside of a run gives way in any case.
 */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { attempt } from "../../attempt.ts";
import { isProcess, type ProcessTable } from "../../platform/proc/process.ts";
import { acceptedFrom } from "../../platform/sockets/listener.ts";
import type { Caller, ProcessId } from "../../policy/request.ts";
import { connectRpc, type GuardConnection } from "../../rpc/connecting.ts";
import { RpcError } from "../../rpc/connection.ts";
import type { Paths } from "../../settings/paths.ts";
import { whyNoControl } from "../from-outside.ts";

/** How long it may take to answer, in milliseconds. */
const PATIENCE = 2000;

/** The most that it may send, in bytes: its status has a line for each connection. */
const MOST = 4 * 1024 * 1024;

interface This {
  paths: Pick<Paths, "daemonSocket">;
  isInRun(caller: Caller): boolean;
}

interface Found {
  listener: Caller;
  /** Whether this daemon is inside of a run. */
  isGuarded: boolean;
}

/** The daemon to give way to, in words. Never rejects. */
export async function findSuccessor(own: This, processes: ProcessTable): Promise<string | undefined> {
  let found: Found | undefined;
  const isGuard = (socket: Socket): boolean => {
    found = attempt(() => believed(socket, own, processes));
    return found !== undefined;
  };
  const path = own.paths.daemonSocket;
  const guard = await connectRpc(path, { isGuard, most: MOST }).catch(() => undefined);
  if (!guard || !found) return undefined;
  const { pid, startTime } = found.listener;
  const isDaemon = await answersAs(guard, pid, found.isGuarded);
  guard.end();
  return isDaemon && isProcess(pid, startTime) ? `another daemon, pid ${pid},` : undefined;
}

/** Who listens there, if it may be the one. @throws Error where that can't be seen */
function believed(socket: Socket, own: This, processes: ProcessTable): Found | undefined {
  const { pid } = acceptedFrom(socket) ?? {};
  if (!pid || pid === process.pid) return undefined;
  const listener = processes.read(pid);
  if (whyNoControl(listener, own.isInRun(listener)) !== undefined) return undefined;
  const self = processes.read(process.pid);
  const isGuarded = own.isInRun(self);
  return isGuarded || startedLater(listener, self) ? { listener, isGuarded } : undefined;
}

/** Of two, exactly one is. */
function startedLater(one: ProcessId, other: ProcessId): boolean {
  const ticks = Number(one.startTime) - Number(other.startTime);
  return ticks === 0 ? one.pid > other.pid : ticks > 0;
}

/**
 * Whether a daemon answers, and is the process that listens. Never rejects.
 * @param orRefuses whether a refusal will do: what is guarded gets no other answer
 */
async function answersAs(guard: GuardConnection, pid: number, orRefuses: boolean): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(PATIENCE, false, { signal: timer.signal, ref: false }).catch(() => false);
  const answered = import("../../rpc/replies.ts")
    .then(({ askGuard }) => askGuard(guard, "status", null))
    .then((status) => status.pid === pid)
    .catch((error: unknown) => orRefuses && error instanceof RpcError);
  const isDaemon = await Promise.race([answered, late]);
  timer.abort();
  return isDaemon;
}

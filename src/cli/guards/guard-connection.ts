/**
 * A connection to a guard, and to nothing that poses as one: any process of the user's can listen in the
 * guards' folder, one inside of a run too. The kernel tells who listens: as of its call of listen(2).
 * unix(7).
 */
import type { Socket } from "node:net";
import { basename, dirname } from "node:path";
import { isShortage } from "../../errors.ts";
import { ProcessTable } from "../../platform/proc/process.ts";
import { acceptedFrom } from "../../platform/sockets/listener.ts";
import type { Caller } from "../../policy/request.ts";
import { connectRpc, type GuardConnection } from "../../rpc/connecting.ts";
import { runPid } from "../../runs/folders.ts";
import { isInRun, isRunHolder } from "../../runs/in-run.ts";
import { toStderr } from "../../to-stderr.ts";

/**
 * Undefined where no guard listens. @param report told of what is none
 * @throws Error where nobody can say whether one does
 */
export async function connectGuard(path: string, report = toStderr): Promise<GuardConnection | undefined> {
  const isGuard = (socket: Socket): boolean => {
    const pid = acceptedFrom(socket)?.pid;
    // from inside of a container one can't see it; nor does a guard take anything from there
    if (pid === 0) return true;
    const fault = pid === undefined ? NO_GUARD : faultOf(path, pid);
    if (fault !== undefined)
      report(`muxguard: ${path} is passed over: what listens there${pid ? ` (pid ${pid})` : ""} ${fault}`);
    return fault === undefined;
  };
  return connectRpc(path, { isGuard });
}

const NO_GUARD = "is no guard of yours";
/** Which installation a guard is of does not matter. What files it sees does: so a confined program could pose. */
const ELSEWHERE =
  "sees other files than this command, as in a container: " +
  "use muxguard where that was started, or end it and start it here";

/**
 * Why it is no guard that is believed. A daemon is outside of all runs; the guard of a run is what holds that one,
 * `run-PID`.
 */
function faultOf(path: string, pid: number): string | undefined {
  const holder = runPid(basename(dirname(path)));
  const processes = new ProcessTable();
  try {
    const listener = processes.read(pid);
    const isGuard = (one: Caller): boolean =>
      holder === undefined ? !isInRun(one) : holder === pid && isRunHolder(one);
    if (isGuard(listener)) return undefined;
    return isGuard({ ...listener, container: false }) ? ELSEWHERE : NO_GUARD;
  } catch (error) {
    if (isShortage(error)) throw error;
    return NO_GUARD; // it has ended
  } finally {
    processes.close();
  }
}

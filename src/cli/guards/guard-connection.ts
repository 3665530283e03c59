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
import { connectRpc, type GuardConnection } from "../../rpc/connecting.ts";
import { runPid } from "../../runs/folders.ts";
import { isInRun, isRunHolder } from "../../runs/in-run.ts";
import { toStderr } from "../../to-stderr.ts";

/**
 * Undefined where no guard listens. @param report told of what is none
 * @throws Error where nobody can say whether one does
 */
export async function connectGuard(path: string, report = toStderr): Promise<GuardConnection | undefined> {
  const isOurs = (socket: Socket): boolean => {
    const pid = acceptedFrom(socket)?.pid;
    // from inside of a container one can't see it; nor does a guard take anything from there
    if (pid === 0 || (pid !== undefined && isGuard(path, pid))) return true;
    report(
      `muxguard: ${path} is passed over: what listens there${pid ? ` (pid ${pid})` : ""} is no guard of yours`,
    );
    return false;
  };
  return connectRpc(path, { isGuard: isOurs });
}

/** A daemon is outside of all runs; the guard of a run is what holds that one, `run-PID`. */
function isGuard(path: string, pid: number): boolean {
  const holder = runPid(basename(dirname(path)));
  const processes = new ProcessTable();
  try {
    const listener = processes.read(pid);
    return holder === undefined ? !isInRun(listener) : holder === pid && isRunHolder(listener);
  } catch (error) {
    if (isShortage(error)) throw error;
    return false; // it has ended
  } finally {
    processes.close();
  }
}

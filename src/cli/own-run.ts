/** A run with a guard of its own, which leaves nothing behind. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../daemon/config.ts";
import { Guard } from "../daemon/daemon.ts";
import type { Paths } from "../daemon/paths.ts";
import { filePolicy, userPolicy } from "../daemon/policy-files.ts";
import type { OpenRun, RunRequest } from "./run.ts";
import { ownTerminal } from "./terminal.ts";

export async function openOwnRun(paths: Paths, config: Config, request: RunRequest): Promise<OpenRun> {
  removeStaleRuns(paths.runtime);
  const folder = join(paths.runtime, `run-${process.pid}`);
  const guard = await Guard.start({ paths, config, environment: process.env, holdsQuestions: false, folder });
  const { report, interrupted, name, policy, upstream } = request;
  try {
    const scope = await guard.openScope({
      run: { name, pid: process.pid },
      policy: policy === undefined ? userPolicy(paths.config, report) : filePolicy(policy, report),
      ...(upstream !== undefined && { upstream }),
      approvers: [ownTerminal(interrupted)],
      report,
    });
    return { agentSocket: scope.agentSocket, ...answering(guard, join(folder, "daemon.sock"), report) };
  } catch (error) {
    await guard.close();
    throw error;
  }
}

/** `muxguard approve` comes in at that path. Loading what it needs does not hold up the command, and a command may end first. */
function answering(
  guard: Guard,
  path: string,
  report: RunRequest["report"],
): Pick<OpenRun, "started" | "close"> {
  let closed = false;
  const listen = async (): Promise<void> => {
    const { serveRpc } = await import("../daemon/rpc-server.ts");
    if (closed) return;
    const listener = await serveRpc({ guard, path });
    if (closed) await listener.close();
    else guard.closeWith(listener);
  };
  const started = (): void => {
    listen().catch(
      (error: Error) =>
        closed || report(`muxguard: nothing can be approved from elsewhere: ${error.message}`),
    );
  };
  const close = async (): Promise<void> => {
    closed = true;
    await guard.close();
  };
  return { started, close };
}

/** Removes what runs left behind that were killed: their folders are named after their process. */
function removeStaleRuns(runtime: string): void {
  for (const name of readdirSync(runtime)) {
    const pid = /^run-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(runtime, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

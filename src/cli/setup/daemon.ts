/** Starts the daemon from a set-up, where none runs. */
import { spawnSync } from "node:child_process";
import { muxguardProgram } from "../../installation.ts";
import { answers } from "../../platform/sockets/listener.ts";
import type { Paths } from "../../settings/paths.ts";
import { toStdout } from "../../to-stderr.ts";
import { confirm } from "./prompts.ts";

/** Whether one runs that has read these settings. */
export async function startDaemon({ daemonSocket }: Paths): Promise<boolean> {
  if (await answers(daemonSocket)) {
    toStdout("a daemon runs already: which agents are behind it counts after muxguard daemon restart");
    return false;
  }
  if (!(await confirm("Start the guard now?", true))) return false;
  const { status } = spawnSync(process.execPath, [muxguardProgram(), "daemon"], { stdio: "inherit" });
  return status === 0;
}

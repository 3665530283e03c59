/** The guard that stands in front: a daemon as it is built, with folders of its own, which allows everything. */
import type { ChildProcess } from "node:child_process";
import { Home } from "../../lab/home.ts";
import { firstWords, type Start } from "../../lab/processes.ts";
import { MUXGUARD } from "../../lab/programs.ts";

/** A suite tells whether the guard is in the way of what is allowed. */
export function transparentHome(folder: string): Home {
  const home = new Home(folder);
  home.policy('default = "allow"\n');
  return home;
}

/** Resolves once it serves. @param upstream the agent behind it */
export async function startDaemon(start: Start, home: Home, upstream?: string): Promise<ChildProcess> {
  const environment = { ...home.environment, ...(upstream !== undefined && { SSH_AUTH_SOCK: upstream }) };
  const daemon = start(process.execPath, [MUXGUARD, "daemon", "--foreground"], {
    env: environment,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  await firstWords(daemon);
  daemon.disconnect();
  return daemon;
}

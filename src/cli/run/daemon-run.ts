/** A run through the daemon: its guard, its agent, its approvers, and this process's terminal. */

import { existsSync, rmSync } from "node:fs";
import { hasCode, messageOf } from "../../errors.ts";
import { holdFolder } from "../../runs/folders.ts";
import type { Paths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import type { OpenRun, RunRequest } from "./request.ts";

/**
 * Undefined if no daemon runs, or if it takes no runs from here: inside of a run, a run has a guard of its
 * own behind the outer one.
 */
export async function openDaemonRun(paths: Paths, request: RunRequest): Promise<OpenRun | undefined> {
  if (!existsSync(paths.daemonSocket)) return undefined;
  const rpc = await import("../../rpc/rpc.ts");
  const { connectGuard } = await import("../guard/guard-connection.ts");
  const connection = await connectGuard(paths.daemonSocket, request.report);
  if (!connection) return undefined;
  const { report, interrupted, ...asked } = request;
  const { lendTerminal } = await import("../guard/lent-terminal.ts");
  const terminal = lendTerminal(connection, { report, interrupted });
  try {
    const opened = await rpc.request(connection, rpc.openRunRequest, { ...asked, terminal: terminal.canAsk });
    const { rideFolder } = opened;
    const held = rideFolder === undefined ? undefined : holdFolder(rideFolder);
    const close = async (): Promise<void> => {
      terminal.takeBack("the run has ended");
      connection.end();
      held?.close();
      // the daemon does it too, unless it has ended before
      if (rideFolder !== undefined) rmSync(rideFolder, { recursive: true, force: true });
    };
    return { ...opened, close };
  } catch (error) {
    connection.end();
    if (hasCode(error, rpc.SETTINGS_ERROR)) throw new CliError(messageOf(error), exitCodes.settings);
    return undefined;
  }
}

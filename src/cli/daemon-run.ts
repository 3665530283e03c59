/** A run through the daemon: its guard, its agent, its approvers, and this process's terminal. */
import { existsSync } from "node:fs";
import type { Paths } from "../daemon/paths.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import type { OpenRun, RunRequest } from "./run.ts";

/** Undefined if no daemon runs, or if it takes no runs from here: inside of a run, a run has a guard of its own behind the outer one. */
export async function openDaemonRun(paths: Paths, request: RunRequest): Promise<OpenRun | undefined> {
  if (!existsSync(paths.daemonSocket)) return undefined;
  const rpc = await import("../daemon/rpc.ts");
  const connection = await rpc.connectRpc(paths.daemonSocket);
  if (!connection) return undefined;
  const { report, interrupted, ...asked } = request;
  const { ownTerminal } = await import("./terminal.ts");
  const terminal = ownTerminal(interrupted);
  connection.onNotification(rpc.reportNotification, ({ line }) => report(line));
  connection.onRequest(rpc.askRequest, (question, token) => {
    const withdrawn = new AbortController();
    token.onCancellationRequested(() => withdrawn.abort());
    return terminal.ask(question, withdrawn.signal);
  });
  try {
    const hasTerminal = terminal.unavailable() === undefined;
    const { agentSocket } = await connection.sendRequest(rpc.openRunRequest, {
      ...asked,
      terminal: hasTerminal,
    });
    return { agentSocket, close: async () => connection.end() };
  } catch (error) {
    connection.end();
    if (isCode(error, rpc.SETTINGS_ERROR)) throw new CliError((error as Error).message, exitCodes.settings);
    return undefined;
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

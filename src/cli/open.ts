/** `muxguard open` and `muxguard close`: masters that only the guard can reach. */
import { constants } from "node:os";
import { resolve } from "node:path";
import type { GuardConnection } from "../rpc/connecting.ts";
import { RpcError } from "../rpc/connection.ts";
import { askGuard } from "../rpc/replies.ts";
import { openPaths } from "../settings/paths.ts";
import { toStderr, toStdout } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { connectGuard } from "./guards/guard-connection.ts";
import { lendTerminal } from "./guards/lent-terminal.ts";
import { checkAnswers } from "./guards/no-answer.ts";

const INTERRUPTED = exitCodes.signal + constants.signals.SIGINT;

export async function open(host: string, options: string[], controlPath: string | undefined): Promise<void> {
  await withDaemon(async (connection) => {
    const stop = new AbortController();
    const interrupted = (): void => stop.abort();
    const { canAsk } = lendTerminal(connection, { report: toStderr, interrupted });
    const opening = askGuard(connection, "open", {
      host,
      options,
      ...(controlPath !== undefined && { controlPath: resolve(controlPath) }),
      terminal: canAsk,
    });
    const { path, already, shares } = await Promise.race([opening, interruption(stop.signal)]);
    const shared = shares ? `, over the connection that ${shares.join(" and ")} has already` : "";
    toStdout(`${already ? "open already" : "open"}: ssh ${host} now goes through ${path}${shared}`);
  });
}

/** Ctrl-C at a prompt, which has the terminal raw. */
function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new CliError("interrupted", INTERRUPTED)), { once: true });
  });
}

/** @param place a host, or a control path */
export async function close(place: string): Promise<void> {
  const host = place.includes("/") ? resolve(place) : place;
  await withDaemon(async (connection) => {
    const { path, remaining } = await askGuard(connection, "close", { host });
    const stays = remaining.length === 0 ? "" : `; its connection stays open at ${remaining.join(", ")}`;
    toStdout(`closed: ${path}${stays}`);
  });
}

export async function adopt(path: string): Promise<void> {
  await withDaemon(async (connection) => {
    await askGuard(connection, "adopt", { path: resolve(path) });
    toStdout(`guarded: ${path}`);
  });
}

async function withDaemon(action: (connection: GuardConnection) => Promise<void>): Promise<void> {
  const { daemonSocket } = openPaths();
  const connection = await connectGuard(daemonSocket);
  if (!connection) throw new CliError("no daemon runs; start it with: muxguard daemon", 1);
  try {
    await checkAnswers(connection, daemonSocket);
    await action(connection);
  } catch (error) {
    // the line of a denial is whole: main() begins each of its own so
    throw error instanceof RpcError ? new CliError(error.message.replace(/^muxguard: /, ""), 1) : error;
  } finally {
    connection.end();
  }
}

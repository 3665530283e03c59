/** `muxguard open` and `muxguard close`: masters that only the guard can reach. */
import { resolve } from "node:path";
import type { MessageConnection } from "vscode-jsonrpc/node.js";
import { openPaths } from "../daemon/paths.ts";
import {
  adoptRequest,
  answerOn,
  closeRequest,
  connectRpc,
  openRequest,
  reportNotification,
} from "../daemon/rpc.ts";
import { CliError } from "./cli-error.ts";
import { ownPrompter, ownTerminal } from "./terminal.ts";

export async function open(host: string, options: string[], controlPath: string | undefined): Promise<void> {
  await withDaemon(async (connection) => {
    const interrupted = (): void => connection.end();
    const terminal = ownTerminal(interrupted);
    const closed = new AbortController();
    connection.onClose(() => closed.abort(new Error("the daemon has ended")));
    connection.onNotification(reportNotification, ({ line }) => void process.stderr.write(`${line}\n`));
    answerOn(connection, terminal, ownPrompter(interrupted), closed.signal);
    const { path, already } = await connection.sendRequest(openRequest, {
      host,
      options,
      ...(controlPath !== undefined && { controlPath: resolve(controlPath) }),
      terminal: terminal.unavailable() === undefined,
    });
    process.stdout.write(`${already ? "open already" : "open"}: ssh ${host} now goes through ${path}\n`);
  });
}

export async function close(host: string): Promise<void> {
  await withDaemon(async (connection) => {
    const { path } = await connection.sendRequest(closeRequest, { host });
    process.stdout.write(`closed: ${path}\n`);
  });
}

export async function adopt(path: string): Promise<void> {
  await withDaemon(async (connection) => {
    await connection.sendRequest(adoptRequest, { path: resolve(path) });
    process.stdout.write(`guarded: ${path}\n`);
  });
}

async function withDaemon(action: (connection: MessageConnection) => Promise<void>): Promise<void> {
  const connection = await connectRpc(openPaths().daemonSocket);
  if (!connection) throw new CliError("no daemon runs; start it with: muxguard daemon", 1);
  try {
    await action(connection);
  } finally {
    connection.end();
  }
}

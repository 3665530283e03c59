/** The guards that run: the daemon's, and those of runs. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { MessageConnection } from "vscode-jsonrpc/node.js";
import { openPaths } from "../daemon/paths.ts";
import { connectRpc } from "../daemon/rpc.ts";

/** Calls `use` with a connection to each, and returns the results. */
export async function eachGuard<T>(use: (connection: MessageConnection) => Promise<T>): Promise<T[]> {
  const { runtime, daemonSocket } = openPaths();
  const runs = readdirSync(runtime).filter((name) => /^run-\d+$/.test(name));
  const results: T[] = [];
  for (const path of [daemonSocket, ...runs.map((name) => join(runtime, name, "daemon.sock"))]) {
    const connection = await connectRpc(path);
    if (!connection) continue;
    try {
      results.push(await use(connection));
    } finally {
      connection.end();
    }
  }
  return results;
}

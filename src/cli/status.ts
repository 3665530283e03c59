/** `muxguard status`: whether a daemon runs. */

import { request, statusRequest } from "../rpc/rpc.ts";
import { openPaths } from "../settings/paths.ts";
import { CliError } from "./cli-error.ts";
import { connectGuard } from "./guard/guard-connection.ts";

/** The exit code of `systemctl status` for what does not run. */
const NOT_RUNNING = 3;

export async function status(): Promise<void> {
  const { daemonSocket, log } = openPaths();
  const connection = await connectGuard(daemonSocket);
  if (!connection) throw new CliError("no daemon runs; start it with: muxguard daemon", NOT_RUNNING);
  try {
    const { pid, agentSocket, upstream, runs, grants, locked, pending, masters } = await request(
      connection,
      statusRequest,
      null,
    );
    const lines = [
      `daemon     pid ${pid}`,
      `socket     ${agentSocket}`,
      `keys in    ${upstream.join(", ") || "no agent: set SSH_AUTH_SOCK, or upstream_agent in config.toml"}`,
      `log        ${log}`,
      ...masters.map(({ path, pid, origin }) => `connection ${path} (${origin}, pid ${pid})`),
      `runs       ${runs}`,
      `remembered ${grants}`,
      `questions  ${pending}${pending > 0 ? " (muxguard pending)" : ""}`,
      ...(locked ? ["locked     everything is denied (muxguard unlock)"] : []),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  } finally {
    connection.end();
  }
}

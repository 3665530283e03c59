/** `muxguard status`: whether a daemon runs. */
import { tracingFault } from "../platform/proc/protect.ts";
import { askGuard } from "../rpc/replies.ts";
import type { UpstreamState } from "../rpc/requests.ts";
import { findWays } from "../runs/unguarded/ways.ts";
import { readConfig } from "../settings/config.ts";
import { openPaths, type Paths } from "../settings/paths.ts";
import { toStdout } from "../to-stderr.ts";
import { CliError } from "./cli-error.ts";
import { useAnswering } from "./guards/guards.ts";
import { serviceFault } from "./service/installed.ts";
import { describeAgents } from "./upstream.ts";

/** The exit code of `systemctl status` for what does not run. */
const NOT_RUNNING = 3;

export async function status(): Promise<void> {
  const paths = openPaths();
  const { daemonSocket, log } = paths;
  const [found] = await useAnswering(daemonSocket, (guard) => askGuard(guard, "status", null));
  const fault = serviceFault();
  const service = fault === undefined ? [] : [`service    ${fault}`];
  const unguarded = (await notGuarded(paths, found?.watched)).map((text) => `unguarded  ${text}`);
  if (!found) for (const line of [...service, ...unguarded]) toStdout(line);
  if (!found) throw new CliError("no daemon runs; start it with: muxguard daemon", NOT_RUNNING);
  const { pid, agentSocket, upstream, runs, grants, locked, pending, wrong, masters, watched } = found;
  const lines = [
    `daemon     pid ${pid}`,
    `socket     ${agentSocket}`,
    `keys in    ${keysIn(upstream)}`,
    `log        ${log}`,
    ...masters.map(({ path, pid, origin }) => `connection ${path} (${origin}, pid ${pid})`),
    `watched    ${watched.join(", ") || "no folder for shared connections"}`,
    `runs       ${runs}`,
    `remembered ${grants}`,
    `questions  ${pending}${pending > 0 ? " (muxguard pending)" : ""}`,
    ...wrong.map((line) => `wrong      ${line}`),
    ...tracing(),
    ...(locked ? ["locked     everything is denied (muxguard unlock)"] : []),
  ];
  for (const line of [...lines, ...service, ...unguarded]) toStdout(line);
}

/** As for a run that is started here. Mistakes in config.toml are told of elsewhere. */
async function notGuarded(paths: Paths, watched: readonly string[] | undefined): Promise<string[]> {
  const { sshConfig } = await readConfig(paths).catch(() => ({ sshConfig: undefined }));
  const here = { environment: process.env, folder: process.cwd() };
  const facts = { ...here, sshConfig, watched, agentSocket: paths.agentSocket };
  const ways = [...findWays({ ...facts, ride: false }), ...findWays({ ...facts, ride: true })];
  return [...new Set(ways.map(({ text }) => text))];
}

function tracing(): string[] {
  const fault = tracingFault();
  return fault === undefined ? [] : [`tracing    ${fault}`];
}

function keysIn(agents: readonly UpstreamState[]): string {
  const isFine = agents.length > 0 && agents.every(({ fault }) => fault === undefined);
  return `${describeAgents(agents)}${isFine ? "" : " (another one: muxguard upstream PATH)"}`;
}

/** `muxguard upstream`: which agent is behind the daemon, and pointing it to another one. */
import { resolve } from "node:path";
import { visible } from "../policy/visible.ts";
import { askGuard } from "../rpc/replies.ts";
import type { AgentOrigin, UpstreamState, Upstreams } from "../rpc/requests.ts";
import { openPaths } from "../settings/paths.ts";
import { CliError } from "./cli-error.ts";
import { useAnswering } from "./guards/guards.ts";

/** Of one path, in characters. */
const MAX_LENGTH = 200;

const origins: Record<AgentOrigin, string> = {
  config: "upstream_agent in config.toml",
  environment: "SSH_AUTH_SOCK when the daemon was started",
  command: "muxguard upstream",
  run: "a run, as the daemon was started without an agent",
  none: "set SSH_AUTH_SOCK and run something with muxguard run, or: muxguard upstream PATH",
};

export async function upstream(path: string | undefined): Promise<void> {
  const wanted = path === undefined ? null : ({ path: resolve(path), from: "command" } as const);
  const { daemonSocket } = openPaths();
  const [found] = await useAnswering(daemonSocket, (guard) => askGuard(guard, "upstream", wanted));
  if (!found) throw new CliError("no daemon runs; start it with: muxguard daemon", 1);
  process.stdout.write(`${describeAgents(found.agents)} (${origins[found.origin]})\n`);
}

/** What `muxguard daemon` does where one runs already. @returns undefined where nothing was to be changed */
export async function pointToEnvironment(
  daemonSocket: string,
  agent: string | undefined,
): Promise<Upstreams | undefined> {
  if (!agent) return undefined;
  const wanted = { path: resolve(agent), from: "environment" } as const;
  const [found] = await useAnswering(daemonSocket, (guard) => askGuard(guard, "upstream", wanted));
  return found?.changed ? found : undefined;
}

/** Safe for a screen: `/run/user/1000/agent, /tmp/b is missing: no such socket`. */
export function describeAgents(agents: readonly UpstreamState[]): string {
  if (agents.length === 0) return "no agent";
  return agents
    .map(({ name, fault }) => visible(name, MAX_LENGTH) + (fault ? ` ${visible(fault, MAX_LENGTH)}` : ""))
    .join(", ");
}

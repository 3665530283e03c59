/** Which agents are behind the daemon, and pointing it to another one: for the user, and nobody inside of a run. */
import type { Caller } from "../../policy/request.ts";
import type { AgentOrigin, OpenRun, Upstreams } from "../../rpc/requests.ts";
import { type ClientConnection, serve } from "../../rpc/serving.ts";
import type { FromOutside } from "../from-outside.ts";
import type { Guard } from "../guard.ts";

export function serveUpstream(connection: ClientConnection, guard: Guard, fromOutside: FromOutside): void {
  serve(connection, "upstream", async (wanted) => {
    const caller = fromOutside(wanted ? "upstream" : undefined);
    const changed = wanted !== null && mayPoint(guard, wanted.path, wanted.from);
    if (changed) await point(guard, wanted.path, wanted.from, caller);
    return stateOf(guard, changed);
  });
}

/** The environment of whoever starts `muxguard daemon` anew overrules no more than that of the first time. */
function mayPoint({ agents }: Guard, path: string, from: "command" | "environment"): boolean {
  if (from === "command") return true;
  const isFromEnvironment = ["environment", "run", "none"].includes(agents.origin);
  return isFromEnvironment && !agents.isInUse(path) && !agents.isOwn(path);
}

async function point(guard: Guard, path: string, origin: AgentOrigin, caller: Caller): Promise<void> {
  await guard.agents.point(path, origin);
  guard.recordControl(caller, "upstream", path);
}

async function stateOf({ agents }: Guard, changed: boolean): Promise<Upstreams> {
  return { agents: await agents.states(), origin: agents.origin, changed };
}

/**
 * The agent of the run's own SSH_AUTH_SOCK, where it is to be used instead of the daemon's. A daemon without
 * any takes it for its own.
 */
export async function broughtBy(
  { agent }: OpenRun,
  caller: Caller,
  guard: Guard,
): Promise<string | undefined> {
  const brought = await guard.agents.brought(agent);
  if (brought !== undefined && guard.agents.origin === "none") {
    await point(guard, brought, "run", caller);
    return undefined;
  }
  return brought;
}

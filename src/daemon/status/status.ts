/** What the daemon says of itself: `muxguard status`. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Member } from "../../fleet/member.ts";
import type { Connections } from "../../masters/connections.ts";
import type { ListedMaster } from "../../masters/registry.ts";
import type { Whereabouts } from "../../policy/request.ts";
import { visible } from "../../policy/visible.ts";
import type { GuardedMaster, PolicyState, Reach, Status } from "../../rpc/requests.ts";
import type { PolicySource } from "../../settings/policy-files.ts";
import type { Guard } from "../guard.ts";

export interface StatusParts {
  guard: Guard;
  agentSocket?: string;
  policy?: PolicySource;
  connections?: Connections;
  fleet?: Member | undefined;
}

export async function statusOf({
  guard,
  agentSocket,
  policy,
  connections,
  fleet,
}: StatusParts): Promise<Status> {
  const { runs, grants, isLocked: locked } = guard;
  const [upstream, masters, stated] = await Promise.all([
    guard.agents.states(),
    Promise.all((connections?.masters() ?? []).map(statedMaster)),
    policy && statedPolicy(policy),
  ]);
  return {
    pid: process.pid,
    upstream,
    masters,
    watched: connections?.watched().watched.map((path) => visible(path)) ?? [],
    ...(agentSocket !== undefined && { agentSocket }),
    runs,
    grants: grants.length,
    suspended: grants.filter(({ suspended }) => suspended).length,
    locked,
    pending: guard.questions.pending().length,
    ...(stated && { policy: stated }),
    ...(fleet && { fleet: fleet.state }),
    approvers: statedApprovers(guard),
    wrong: guard.wrong(),
  };
}

function statedApprovers(guard: Guard): Reach[] {
  const { approvers, named } = guard.reach;
  return named.map((kind) => {
    // none for a terminal, which is a run's, and for the queue, to which somebody comes by himself
    const fault = approvers.find((one) => one.kind === kind)?.unavailable();
    return { kind, ...(fault !== undefined && { fault: visible(fault) }) };
  });
}

async function statedPolicy(policy: PolicySource): Promise<PolicyState> {
  const { rules } = await policy.current();
  return {
    files: policy
      .files()
      .filter(existsSync)
      .map((path) => visible(path)),
    rules: rules.length,
  };
}

/** How long status waits for ssh to say where a connection leads, in milliseconds. */
const PATIENCE = 1000;

async function statedMaster({ path, origin, master }: ListedMaster): Promise<GuardedMaster> {
  const late = sleep(PATIENCE, undefined, { ref: false });
  const found = await Promise.race([master.whereabouts(), late]).catch(() => undefined);
  return { path, origin, pid: master.pid, ...(found && leadsTo(found)) };
}

function leadsTo({ destination, user }: Whereabouts): Pick<GuardedMaster, "to" | "verified"> {
  if (!destination) return {};
  const { names, claimed, verified } = destination;
  const host = names[0] ?? claimed;
  if (host === undefined) return {};
  return { to: visible(user === undefined ? host : `${user}@${host}`), verified };
}

/** `muxguard status`: whether a daemon runs, and what it guards. */
import { tracingFault } from "../platform/proc/protect.ts";
import { askGuard } from "../rpc/replies.ts";
import type { FleetFacts, GuardedMaster, Reach, Status, UpstreamState } from "../rpc/requests.ts";
import { findAllWays } from "../runs/unguarded/ways.ts";
import { readConfig } from "../settings/config.ts";
import { openPaths, type Paths } from "../settings/paths.ts";
import { toStderr, toStdout, toStdoutAsJson } from "../to-stderr.ts";
import { counted } from "./counted.ts";
import { useAnswering } from "./guards/guards.ts";
import { serviceFault } from "./service/installed.ts";
import { describeAgents } from "./upstream.ts";

/** The exit code of `systemctl status` for what does not run. */
const NOT_RUNNING = 3;

/** Returns the exit code. */
export async function status({ json }: { json?: boolean }): Promise<number> {
  const paths = openPaths();
  const [found] = await useAnswering(paths.daemonSocket, (guard) => askGuard(guard, "status", null));
  const unguarded = await notGuarded(paths, found?.watched);
  const service = serviceFault();
  if (json) {
    const { log } = paths;
    const tracing = tracingFault();
    const faults = { ...(tracing && { tracing }), ...(service && { service }) };
    const facts = { running: found !== undefined, log, ...found, unguarded, ...faults };
    toStdoutAsJson(JSON.stringify(facts));
  } else {
    const lines = [
      ...(found ? linesOf(found, paths) : []),
      ...(service === undefined ? [] : [`service    ${service}`]),
      ...unguarded.map((text) => `unguarded  ${text}`),
    ];
    for (const line of lines) toStdout(line);
    if (!found) toStderr("muxguard: no daemon runs; start it with: muxguard daemon");
  }
  return found ? 0 : NOT_RUNNING;
}

function linesOf(found: Status, { log }: Paths): string[] {
  const { pid, agentSocket, upstream, runs, grants, suspended, locked, pending, wrong, masters } = found;
  const { watched, policy, approvers, fleet } = found;
  return [
    `daemon     pid ${pid}`,
    `socket     ${agentSocket}`,
    `keys in    ${keysIn(upstream)}`,
    `log        ${log}`,
    ...(policy
      ? [`policy     ${counted(policy.rules, "rule")}${policy.files.map((file) => `, ${file}`).join("")}`]
      : []),
    `asks by    ${approvers.map(describeReach).join(", ") || "nothing: what is to be asked is denied"}`,
    ...(fleet ? [`fleet      ${describeFleet(fleet)}`] : []),
    ...(fleet?.policy ? [`fleet says ${fleet.policy}`] : []),
    ...masters.map(describeMaster),
    `watched    ${watched.join(", ") || "no folder for shared connections"}`,
    `runs       ${runs}`,
    `remembered ${grants}${suspended > 0 ? ` (${suspended} until the screen is unlocked)` : ""}`,
    `questions  ${pending}${pending > 0 ? " (muxguard pending)" : ""}`,
    ...wrong.map((line) => `wrong      ${line}`),
    ...tracing(),
    ...(locked ? ["locked     everything is denied (muxguard unlock)"] : []),
  ];
}

function describeReach({ kind, fault }: Reach): string {
  return fault === undefined ? kind : `${kind} (not now: ${fault})`;
}

function describeFleet({ machine, servers, fault }: FleetFacts): string {
  const way = fault === undefined ? "connected to" : `not connected (${fault}) to`;
  return `this is ${machine}, ${way} ${servers.join(", ")}`;
}

function describeMaster({ path, pid, origin, to, verified }: GuardedMaster): string {
  const isSaid = to === undefined || !path.startsWith("/");
  const where = isSaid ? "" : verified ? `, to ${to}` : `, to ${to}, as is claimed`;
  return `connection ${path} (${origin}, pid ${pid})${where}`;
}

/** As for a run that is started here. Mistakes in config.toml are told of elsewhere. */
async function notGuarded(paths: Paths, watched: readonly string[] | undefined): Promise<string[]> {
  const { sshConfig } = await readConfig(paths).catch(() => ({ sshConfig: undefined }));
  const here = { environment: process.env, folder: process.cwd() };
  const facts = { ...here, sshConfig, watched, agentSocket: paths.agentSocket };
  return findAllWays(facts).map(({ text }) => text);
}

function tracing(): string[] {
  const fault = tracingFault();
  return fault === undefined ? [] : [`tracing    ${fault}`];
}

function keysIn(agents: readonly UpstreamState[]): string {
  const isFine = agents.length > 0 && agents.every(({ fault }) => fault === undefined);
  return `${describeAgents(agents)}${isFine ? "" : " (another one: muxguard upstream PATH)"}`;
}

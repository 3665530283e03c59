/** `muxguard run --confine --show`: what the run would find, for a person to read. */
import { join } from "node:path";
import type { Mount, Plan } from "../../platform/confine/plan.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { visible } from "../../policy/visible.ts";
import { freeRunFolder } from "../../runs/folders.ts";
import type { Paths } from "../../settings/paths.ts";
import { planRun } from "./confined-facts.ts";

const headings: readonly (readonly [string, readonly Mount["kind"][]])[] = [
  ["hidden", ["empty folder", "empty file"]],
  ["read-only", ["read-only", "read-only bind", "sealed"]],
  ["bound", ["bind"]],
];

/** No guard is opened for it: its sockets are where a guard of the run's own would have them. */
export function showPlan(paths: Paths, settings: RunSettings): string[] {
  const folder = freeRunFolder(paths.runtime);
  const agentSocket = join(folder, "agent.sock");
  const { plan, loose } = planRun({
    opened: { folder, askpassSocket: join(folder, "prompts.sock"), sshConfig: undefined, agents: [] },
    paths,
    settings,
    environment: { ...process.env, SSH_AUTH_SOCK: settings.ride ? undefined : agentSocket },
  });
  return [...planLines(plan), ...loose.map((text) => `not held: ${visible(text)}`)];
}

export function planLines({ mounts, network, nested }: Plan): string[] {
  const groups = headings.flatMap(([title, kinds]) => {
    const meant = mounts.filter(({ kind }) => kinds.includes(kind));
    return meant.length === 0 ? [] : [`${title}:`, ...meant.map(lineOf)];
  });
  return [
    ...groups,
    `network: ${network ? "yes" : "no"}`,
    `user namespaces inside (nested): ${nested ? "yes" : "no"}`,
  ];
}

function lineOf(mount: Mount): string {
  const from = "from" in mount && mount.from !== undefined ? `, from ${visible(mount.from)}` : "";
  return `  ${visible(mount.path)}  (${visible(mount.why)}${from})`;
}

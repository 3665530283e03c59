/** `muxguard run --confine --show`: what the run would find, for a person to read. */
import { join } from "node:path";
import type { Mount, Plan } from "../../platform/confine/plan.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { visible } from "../../policy/visible.ts";
import { remembered, systemFiles } from "../../runs/confined/files.ts";
import { freeRunFolder } from "../../runs/folders.ts";
import { readConfig } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { planRun } from "./confined-facts.ts";

const headings: readonly (readonly [string, readonly Mount["kind"][]])[] = [
  ["hidden", ["empty folder", "empty file"]],
  ["read-only", ["read-only", "read-only bind", "sealed"]],
  ["bound", ["bind"]],
];

/**
 * No guard is opened for it: its sockets are where a guard of the run's own would have them.
 * @throws SettingsError
 */
export async function showPlan(paths: Paths, settings: RunSettings): Promise<string[]> {
  const { sshConfig, upstreamAgents: agents, controlFolders: watched = [] } = await readConfig(paths);
  const folder = freeRunFolder(paths.runtime);
  const at = (name: string): string => join(folder, name);
  const sockets = { agentSocket: at("agent.sock"), askpassSocket: at("prompts.sock") };
  const opened = { folder, ...sockets, sshConfig, watched, agents };
  const { plan, loose } = planRun({ opened, paths, settings }, remembered(systemFiles));
  return [...planLines(plan), ...loose.map((text) => `not held: ${visible(text)}`)];
}

function planLines({ mounts, network, nested }: Plan): string[] {
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

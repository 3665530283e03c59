/** A change of config.toml, for a guard that runs: what counts at once, and what it is made with at its start. */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.ts";

/** Its name in the file, and when a change of it counts. */
const settings: Record<keyof Config, [name: string, counts: "at once" | "at the start"]> = {
  upstreamAgents: ["upstream_agent", "at the start"],
  approvers: ["approvers", "at the start"],
  areApproversNamed: ["approvers", "at the start"],
  remember: ["remember", "at once"],
  timeout: ["timeout", "at once"],
  yes: ["yes", "at once"],
  longest: ["longest", "at once"],
  onLock: ["on_lock", "at once"],
  maxQuestions: ["max_questions", "at once"],
  offerAfter: ["offer_after", "at once"],
  suggest: ["suggest", "at once"],
  upstreamTimeout: ["upstream_timeout", "at once"],
  brokenPolicyAfter: ["broken_policy_after", "at once"],
  syncLog: ["sync_log", "at once"],
  logTo: ["log_to", "at the start"],
  sshConfig: ["ssh_config", "at the start"],
  controlFolders: ["control_dirs", "at the start"],
  announce: ["announce", "at once"],
  askpass: ["askpass", "at the start"],
  command: ["command", "at the start"],
  notices: ["notices", "at once"],
  fleet: ["fleet", "at the start"],
};

/** Names of settings, as the file has them. */
export interface Change {
  applied: string[];
  /** They count when the guard is started anew. */
  waiting: string[];
}

/** Takes over what counts at once. @param config what the guard goes by: its parts read it when they need it */
export function applyChange(config: Config, next: Config): Change {
  const fields = (Object.keys(settings) as (keyof Config)[]).filter(
    (field) => !isDeepStrictEqual(config[field], next[field]),
  );
  const atOnce = fields.filter((field) => settings[field][1] === "at once");
  Object.assign(config, Object.fromEntries(atOnce.map((field) => [field, next[field]])));
  const names = (some: readonly (keyof Config)[]) => [...new Set(some.map((field) => settings[field][0]))];
  return { applied: names(atOnce), waiting: names(fields.filter((field) => !atOnce.includes(field))) };
}

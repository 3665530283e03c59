/** All that is wrong with a set-up, or brittle. It looks, and changes nothing. */
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { attempt } from "../attempt.ts";
import type { AuditEvent } from "../audit/event.ts";
import { messageOf } from "../errors.ts";
import { installationFolder } from "../installation.ts";
import { usualControlFolders } from "../masters/control-folders.ts";
import { parseStat } from "../platform/proc/stat.ts";
import { visible } from "../policy/visible.ts";
import type { Status } from "../rpc/requests.ts";
import { findAllWays } from "../runs/unguarded/ways.ts";
import { checkUserSettings } from "../settings/check.ts";
import type { FleetConfig } from "../settings/fleet/config.ts";
import type { Paths } from "../settings/paths.ts";
import { clientFindings } from "./clients.ts";
import { connectionFindings } from "./connections.ts";
import { daemonFindings } from "./daemon.ts";
import type { Finding, Topic } from "./finding.ts";
import { fleetFindings } from "./fleet.ts";
import { folderFindings } from "./folders.ts";
import { forwardingFindings, versionFindings } from "./ssh.ts";
import { systemFindings } from "./system.ts";

export interface Surroundings {
  paths: Paths;
  environment: NodeJS.ProcessEnv;
  /** Of the daemon; undefined where none runs. */
  status: Status | undefined;
  /** Why nobody can be asked, as the daemon says. */
  unreached: string | undefined;
  /** For `ssh -F`, as config.toml says. */
  sshConfig: string | undefined;
  /** What config.toml says of it. */
  fleet: FleetConfig | undefined;
  /** The newest entries of the log. */
  events: readonly Partial<AuditEvent>[];
}

/** How long ssh may take to say its version, in milliseconds. */
const PATIENCE = 5000;
/** Clock ticks a second, as /proc counts: proc(5). */
const TICKS = 100;

/** In the order in which they matter. What can't be looked at is a finding too. */
export async function diagnose(around: Surroundings): Promise<Finding[]> {
  const { environment, status, unreached, sshConfig, events } = around;
  const parts: [Topic, () => Finding[] | Promise<Finding[]>][] = [
    ["settings", () => settings(around)],
    ["daemon", () => daemonFindings({ status, unreached, ...ages(status), ...here(around) })],
    ["fleet", () => fleetFindings(around.fleet)],
    ["ways past the guard", () => ways(around)],
    ["ways past the guard", () => forwardingFindings(sshConfig)],
    [
      "shared connections",
      () =>
        connectionFindings(
          controlFolders(around),
          status?.masters.map(({ path }) => path),
        ),
    ],
    ["OpenSSH", () => versionFindings(sshVersion(environment))],
    ["clients", () => clientFindings(events)],
    ["system", () => systemFindings()],
    ["folders", () => folderFindings(folders(around), process.getuid?.() ?? 0)],
  ];
  const found: Finding[] = [];
  for (const [topic, look] of parts) found.push(...(await looked(topic, look)));
  return found;
}

async function looked(topic: Topic, look: () => Finding[] | Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [{ topic, level: "wrong", what: `this can't be looked at: ${visible(messageOf(error))}` }];
  }
}

async function settings({ paths, fleet }: Surroundings): Promise<Finding[]> {
  const known = fleet && (await (await import("../fleet/policy/known.ts")).knownPolicy(fleet, paths));
  const { errors, warnings } = checkUserSettings(paths, { merge: known?.merge });
  const finding = (what: string): Finding => ({ topic: "settings", level: "wrong", what });
  return [...errors, ...warnings, ...(known?.wrong ?? [])].map(finding);
}

function here({ environment, paths: { runtime } }: Surroundings) {
  return { agent: environment.SSH_AUTH_SOCK, runtime };
}

function ages(status: Status | undefined): {
  startedAt: number | undefined;
  installedAt: number | undefined;
} {
  const bundle = join(installationFolder(), "dist/muxguard.bundle.js");
  return {
    startedAt: status && attempt(() => startOf(status.pid)),
    // a package's files have the time at which they were made: when they came here is the change of the inode
    installedAt: attempt(() => statSync(bundle).ctimeMs),
  };
}

/** In milliseconds since 1970. */
function startOf(pid: number): number {
  const { startTime } = parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  const [uptime] = readFileSync("/proc/uptime", "latin1").split(" ");
  return Date.now() - (Number(uptime) - Number(startTime) / TICKS) * 1000;
}

function ways({ environment, sshConfig, status, paths }: Surroundings): Finding[] {
  const { agentSocket } = paths;
  const facts = { environment, folder: process.cwd(), sshConfig, watched: status?.watched, agentSocket };
  return findAllWays(facts).map(({ what, mend }) => ({
    topic: "ways past the guard",
    level: "wrong",
    what,
    mend,
  }));
}

function controlFolders({ environment, sshConfig, status }: Surroundings): string[] {
  return [...(status?.watched ?? []), ...usualControlFolders(sshConfig, environment)];
}

function sshVersion(environment: NodeJS.ProcessEnv): string | undefined {
  const { stderr, error } = spawnSync("ssh", ["-V"], {
    env: environment,
    encoding: "utf8",
    timeout: PATIENCE,
    stdio: ["ignore", "ignore", "pipe"],
  });
  return error ? undefined : stderr;
}

function folders(around: Surroundings): [string, string][] {
  const { paths, environment } = around;
  const inPath = (environment.PATH ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return [
    [homedir(), "your home folder"],
    [join(homedir(), ".ssh"), "ssh's settings"],
    [paths.config, "muxguard's settings"],
    [paths.state, "the log"],
    ...controlFolders(around).map((folder): [string, string] => [folder, "shared connections"]),
    [join(installationFolder(), "dist"), "muxguard itself"],
    ...inPath.map((folder): [string, string] => [folder, "a folder in PATH"]),
  ];
}

/** What a run of `--confine` is to be kept from, from all the places that say it. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { installationFolder } from "../../installation.ts";
import { usualControlFolders } from "../../masters/control-folders.ts";
import { type Plan, planConfinement } from "../../platform/confine/plan.ts";
import type { RunSettings } from "../../policy/run-settings.ts";
import { type Files, systemFiles } from "../../runs/confined/files.ts";
import { type Gathered, gatherFacts, type Surroundings } from "../../runs/confined/gather.ts";
import { findProgram, movedSsh, shimsOf } from "../../runs/ride/shims.ts";
import type { Paths } from "../../settings/paths.ts";
import type { OpenRun } from "./request.ts";

export type RunPlaces = Pick<
  OpenRun,
  "folder" | "agentSocket" | "askpassSocket" | "rideFolder" | "sshConfig" | "watched" | "agents"
>;

export interface Confining {
  opened: RunPlaces;
  paths: Paths;
  settings: RunSettings;
}

/** @param files each path of which is looked at once */
export function planRun(confining: Confining, files: Files): { plan: Plan; loose: string[] } {
  const { facts, loose }: Gathered = gatherFacts(surroundings(confining), files);
  return { plan: planConfinement(facts, confining.settings), loose };
}

function surroundings({ opened, paths, settings }: Confining): Surroundings {
  const { folder, agentSocket, askpassSocket, rideFolder, sshConfig, watched = [], agents } = opened;
  const own = [agentSocket, askpassSocket, rideFolder, join(folder, "muxguard-ssh")];
  return {
    environment: process.env,
    settings,
    uid: userInfo().uid,
    homes: homes(),
    configHome: dirname(paths.config),
    folder: process.cwd(),
    sshConfig,
    guard: { ...paths, installation: installation() },
    controlFolders: [...watched, ...usualControlFolders(sshConfig, process.env)],
    upstream: agents.filter(isAbsolute),
    run: {
      agentSocket,
      own: own.filter((path): path is string => path !== undefined && existsSync(path)),
      replaced: rideFolder === undefined ? [] : replacedSsh(rideFolder),
      empty: join(folder, "empty"),
    },
  };
}

function homes(): string[] {
  return [...new Set([homedir(), userInfo().homedir])];
}

function installation(): string[] {
  const node = dirname(process.execPath);
  return [installationFolder(), ...(systemFiles.mayWrite(node) ? [dirname(node)] : [])];
}

/** Where ssh is, by its real paths. */
export function sshPrograms(): string[] {
  const found = ["/usr/bin/ssh", findProgram("ssh")].flatMap((path) => {
    const real = path === undefined ? undefined : systemFiles.real(path);
    return real ?? [];
  });
  return [...new Set(found)];
}

function replacedSsh(rideFolder: string): { path: string; by: string }[] {
  const programs = sshPrograms();
  const [real] = programs;
  const shim = join(shimsOf(rideFolder), "ssh");
  if (real === undefined) return [];
  return [
    { path: movedSsh(rideFolder), by: real },
    ...programs.filter((path) => path !== shim).map((path) => ({ path, by: shim })),
  ];
}

/** What is mounted has to have a place. */
export function preparePlaces({ folder, rideFolder }: RunPlaces): void {
  writeFileSync(join(folder, "empty"), "", { mode: 0o000 });
  if (rideFolder === undefined) return;
  const moved = movedSsh(rideFolder);
  mkdirSync(dirname(moved), { mode: 0o700 });
  writeFileSync(moved, "", { mode: 0o600 });
}

/**
 * What a confined run sees of the file system: the whole of it, with mounts over what is hidden or can only be
 * read. No I/O: from what was found, and what the run is to be, to a list of mounts.
 *
 * A folder in which something is protected is itself a mount, if the user could rename it: what is mounted
 * below would go with it, and another could be made in its place. A mount can be neither renamed nor removed
 * (EBUSY), within its own namespace.
 */
import { dirname } from "node:path";
import type { RunSettings } from "../../policy/run-settings.ts";
import type { ConfineFacts, Place } from "./facts.ts";

export type Mount = { path: string; why: string } & (
  | { kind: "empty folder" | "empty file" | "read-only" | "sealed" }
  /** The path itself where there is no `from`. With `optional` it may be gone by now. */
  | { kind: "bind" | "read-only bind"; from?: string; optional?: true }
);

export interface Plan {
  /** In the order in which they are made. */
  mounts: readonly Mount[];
  network: boolean;
  nested: boolean;
  /** An empty file. */
  empty: string;
}

type Settings = Pick<RunSettings, "desktop" | "network" | "nested">;

export function planConfinement(facts: ConfineFacts, { desktop, network, nested }: Settings): Plan {
  const isMeant = (place: Place): boolean => !desktop || place.desktop !== true;
  const writable = new Set(facts.writable.map(({ path }) => path));
  const all = [facts.temporary, ...facts.sieved, ...facts.hidden].filter(isMeant);
  const gone = new Tree(all.map(({ path }) => path));
  const kept = [facts.temporary, ...facts.sieved].flatMap((sieve) => sieve.kept);
  const shown = new Tree([...kept, ...facts.own, ...writable]);
  // what is hidden with a folder needs nothing more, but for what is shown in there again
  const isReached = (path: string): boolean => shown.deepest(path) > gone.deepest(dirname(path));
  const isThere = (path: string): boolean => !gone.covers(path) || isReached(path);
  const isSeen = (path: string): boolean => !gone.has(path) && isThere(path);
  const hidden = facts.hidden.filter(isMeant).filter(({ path }) => isThere(path));
  const sieved = [facts.temporary, ...facts.sieved].filter(({ path }) => isThere(path));
  const readOnly = facts.readOnly.filter(isMeant).filter(({ path }) => isSeen(path) && !writable.has(path));
  const agents = facts.agents.filter((one) => one.isThere || !isSeen(one.path));
  const mounts: Mount[] = [
    ...hidden.map(hide),
    ...sieved.flatMap((sieve) => sieveMounts(sieve, sieve === facts.temporary)),
    ...readOnly.map(({ path, why }): Mount => ({ kind: "read-only", path, why })),
    ...facts.writable.map(({ path, why }) => bind(path, why)),
    ...facts.own.map((path): Mount => ({ kind: "read-only bind", path, why: "the run's own" })),
    ...(desktop ? facts.desktop.map((path) => ({ ...bind(path, "desktop"), optional: true as const })) : []),
    ...agents.flatMap(({ path }) => agentMount(path, facts.agentSocket, isSeen(path))),
    ...facts.replaced.map(
      ({ path, by }): Mount => ({ kind: "read-only bind", path, from: by, why: "the ride's" }),
    ),
  ];
  const fixed = new Tree(readOnly.map(({ path }) => path));
  // in what can only be read nothing is renamed, and a mount there could be written to
  const isPinned = (path: string): boolean =>
    facts.movable.has(path) && isSeen(path) && fixed.deepest(path) <= shown.deepest(path);
  return { mounts: inOrder(withPins(mounts, isPinned)), network, nested, empty: facts.empty };
}

function bind(path: string, why: string): Extract<Mount, { kind: "bind" | "read-only bind" }> {
  return { kind: "bind", path, why };
}

function hide({ path, folder, why }: Place): Mount {
  return { kind: folder ? "empty folder" : "empty file", path, why };
}

function sieveMounts({ path, why, kept }: ConfineFacts["temporary"], temporary: boolean): Mount[] {
  return [
    { kind: "empty folder", path, why },
    ...kept.map((one): Mount => {
      return { kind: temporary ? "bind" : "read-only bind", path: one, why: "kept", optional: true };
    }),
    ...(temporary ? [] : [{ kind: "sealed" as const, path, why }]),
  ];
}

/** In a folder that is empty for the run it can be made; elsewhere nothing is made among the user's files. */
function agentMount(path: string, from: string | undefined, isThere: boolean): Mount[] {
  const why = "an agent's socket: the run's";
  if (from === path) return [];
  if (from !== undefined) return [{ kind: "bind", path, from, why }];
  return isThere ? [{ kind: "empty file", path, why: "an agent's socket" }] : [];
}

/** Mounts over the folders above, down from the first that the user could rename. */
function withPins(mounts: readonly Mount[], isPinned: (path: string) => boolean): Mount[] {
  const taken = new Set(mounts.map(({ path }) => path));
  const pins = mounts.flatMap(({ path }) => above(path)).filter(isPinned);
  const free = [...new Set(pins)].filter((path) => !taken.has(path));
  return [...free.map((path) => bind(path, "can't be renamed")), ...mounts];
}

function above(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [...above(folder), folder];
}

function depthOf(path: string): number {
  return path === "/" ? 0 : path.split("/").length;
}

/** A folder before what is in it; it is sealed when all that is in it is there. */
function inOrder(mounts: readonly Mount[]): Mount[] {
  const known = new Map<string, Mount>();
  // what comes later counts: an agent's socket over a file that is hidden
  for (const mount of mounts) known.set(`${mount.kind === "sealed"} ${mount.path}`, mount);
  const all = [...known.values()];
  const byDepth = (one: Mount, other: Mount): number => depthOf(one.path) - depthOf(other.path);
  const open = all.filter(({ kind }) => kind !== "sealed").sort(byDepth);
  return [...open, ...all.filter(({ kind }) => kind === "sealed")];
}

/** Folders, and what is below them. */
class Tree {
  readonly #paths: ReadonlySet<string>;

  constructor(paths: readonly string[]) {
    this.#paths = new Set(paths);
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  /** Whether one of them is above the path. */
  covers(path: string): boolean {
    const folder = dirname(path);
    return folder !== path && this.deepest(folder) > 0;
  }

  /** How long the longest is that is above the path, or is the path itself; 0 if there is none. */
  deepest(path: string): number {
    if (this.#paths.has(path)) return path.length;
    const folder = dirname(path);
    return folder === path ? 0 : this.deepest(folder);
  }
}

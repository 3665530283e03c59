/** The file system as a confined run's facts are gathered from it. Handed in by tests. */
import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "../../attempt.ts";
import type { Place } from "../../platform/confine/facts.ts";
import { headOf } from "../../platform/files/file-head.ts";

export type Kind = "folder" | "file" | "socket" | "other";

export interface Files {
  /** Without any link in it; undefined for what is not there. */
  real(path: string): string | undefined;
  /** Of what a link leads to; undefined for what is not there. */
  look(path: string): { kind: Kind; uid: number; changed: number; links: number } | undefined;
  isLink(path: string): boolean;
  /** Empty for what is no folder, or can't be read. */
  list(folder: string): string[];
  /** How a file begins; empty for what is none, or can't be read. */
  head(path: string): string;
  /** Whether this user may make, rename and remove names in the folder. */
  mayWrite(folder: string): boolean;
}

/** Where some text stands before the key. */
const HEAD = 512;

export const systemFiles: Files = {
  // an error takes longer than all the rest, and most of these files are nowhere
  real: (path) => (existsSync(path) ? attempt(() => realpathSync.native(path)) : undefined),
  look: (path) => attempt(() => lookAt(path)),
  isLink: (path) => attempt(() => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) === true,
  list: (folder) => attempt(() => readdirSync(folder).sort()) ?? [],
  head: (path) => attempt(() => headOf(path, HEAD)) ?? "",
  mayWrite: (folder) => attempt(() => mayWrite(folder)) ?? false,
};

/** Asks for each path once. For one gathering: the next has to look again. */
export function remembered(files: Files): Files {
  return {
    real: once(files.real),
    look: once(files.look),
    isLink: once(files.isLink),
    list: once(files.list),
    head: once(files.head),
    mayWrite: once(files.mayWrite),
  };
}

function once<T>(ask: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    const before = known.get(path);
    if (before !== undefined || known.has(path)) return before as T;
    const found = ask(path);
    known.set(path, found);
    return found;
  };
}

function lookAt(path: string): ReturnType<Files["look"]> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  const other = found.isSocket() ? "socket" : "other";
  const kind = found.isDirectory() ? "folder" : found.isFile() ? "file" : other;
  return { kind, uid: found.uid, changed: found.mtimeMs, links: found.nlink };
}

/** By its mode: root has no more rights in a confined run. */
function mayWrite(folder: string): boolean {
  const { uid, gid, mode } = statSync(folder);
  if (uid === process.getuid?.()) return (mode & 0o200) !== 0;
  const groups = process.getgroups?.() ?? [];
  return (mode & (groups.includes(gid) ? 0o020 : 0o002)) !== 0;
}

/** What is at the path, by its real one; undefined where nothing is. */
export function placeAt(files: Files, path: string, why: string, desktop = false): Place | undefined {
  const real = files.real(path);
  const found = real === undefined ? undefined : files.look(real);
  if (real === undefined || found === undefined) return undefined;
  return { path: real, folder: found.kind === "folder", why, ...(desktop && { desktop: true }) };
}

/** Those that are there, each once. */
export function placesAt(files: Files, paths: readonly string[], why: string, desktop = false): Place[] {
  const found = paths.flatMap((path) => placeAt(files, path, why, desktop) ?? []);
  return found.filter(({ path }, at) => found.findIndex((other) => other.path === path) === at);
}

/** The real path also of what is not there, in a folder that is. */
export function realPath(files: Files, path: string): string | undefined {
  const real = files.real(path);
  if (real !== undefined) return real;
  const folder = dirname(path);
  const above = folder === path ? undefined : realPath(files, folder);
  return above === undefined ? undefined : join(above, path.slice(folder === "/" ? 1 : folder.length + 1));
}

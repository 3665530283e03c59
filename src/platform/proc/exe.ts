/**
 * The executable of a process: proc(5). It counts by its file, as the guard sees the path: a process may have
 * a mount namespace of its own, or call exec on a mount that is attached nowhere, and so choose the text of
 * its path.
 *
 * The kernel writes ` (deleted)` behind the path of a file that was removed, or replaced by another, while it
 * runs (d_path() of fs/d_path.c). It is taken off here and nowhere else.
 */
import { type BigIntStats, readlinkSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../../attempt.ts";
import type { Process } from "../../policy/request.ts";
import { confinedIn, seesOtherFiles } from "./namespaces.ts";

export interface Executable {
  /** As the kernel has it, without ` (deleted)`. */
  path: string;
  /** What runs is not the file at that path: another one may be there, or none. */
  deleted: boolean;
  /** It was there once, as the kernel says. */
  removed: boolean;
  /** The process sees other files than the guard: nobody can say what is at its path there. */
  foreign: boolean;
  /** Device and inode of the file that runs. It keeps both for as long as it runs. */
  file: string;
  /** It may be a shell by its name, and only root can have put it there. */
  systemShell: boolean;
}

const DELETED = " (deleted)";

/** Undefined where the kernel does not tell: another user's process, one that forbids it, one that is gone. */
export function exePath(pid: number | "self"): Executable | undefined {
  return attempt(() => {
    const link = `/proc/${pid}/exe`;
    const running = statSync(link, { bigint: true });
    const file = fileOf(running);
    const inside = seesOtherFiles(pid) ? confinedIn(pid) : undefined;
    const text = inside?.moved.get(file) ?? readlinkSync(link);
    // in a confined run a path leads to the same file as here, or to what is no program that the guard knows
    const foreign = inside ? fileAt(text) !== file : seesOtherFiles(pid);
    // a file may really be called so
    const isThere = !foreign && fileAt(text) === file;
    const removed = !isThere && text.endsWith(DELETED);
    const path = removed ? text.slice(0, -DELETED.length) : text;
    const systemShell = isThere && isLikeShell(path) && isRoots(running) && isBelowRoots(path);
    return { path, deleted: !foreign && !isThere, removed, foreign, file, systemShell };
  });
}

/** How a {@link Process} has it. */
export function exeFields(
  exe: Executable | undefined,
): Pick<Process, "exe" | "exeFile" | "exeDeleted" | "exeForeign" | "systemShell"> {
  if (!exe) return {};
  const { path, file, deleted, foreign, systemShell } = exe;
  return {
    exe: path,
    exeFile: file,
    ...(deleted && { exeDeleted: true }),
    ...(foreign && { exeForeign: true }),
    ...(systemShell && { systemShell: true }),
  };
}

/** Whether a process runs the same file as before. That the file was removed or renamed is no exec. */
export function runsSameFile(now: Process, before: Process): boolean {
  return now.exeFile === before.exeFile && (now.exeFile !== undefined || now.exe === before.exe);
}

function fileAt(path: string): string | undefined {
  const found = attempt(() => statSync(path, { bigint: true }));
  return found && fileOf(found);
}

function fileOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** The policy knows which of these names are shells. */
function isLikeShell(path: string): boolean {
  return path.endsWith("sh") && !path.endsWith("/ssh");
}

/** Whether root alone can have put the file there. */
export function isOfRoot(path: string): boolean {
  return attempt(() => isRoots(statSync(path)) && isBelowRoots(path)) ?? false;
}

/** Whether root alone can have put it there: all folders above it are root's, which /tmp is not. */
export function isBelowRoots(path: string, stat: (folder: string) => Owned = statSync): boolean {
  const folder = dirname(path);
  return isRoots(stat(folder)) && (folder === path || isBelowRoots(folder, stat));
}

interface Owned {
  uid: number | bigint;
  mode: number | bigint;
}

/** Whether it is root's, and nobody else's to write. */
export function isRoots({ uid, mode }: Owned): boolean {
  return Number(uid) === 0 && (Number(mode) & 0o022) === 0;
}

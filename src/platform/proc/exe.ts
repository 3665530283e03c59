/**
 * The executable of a process: proc(5). The kernel writes ` (deleted)` behind the path of a file that was
 * removed, or replaced by another, while it runs (d_path() of fs/d_path.c). It is taken off here and nowhere
 * else.
 */
import { type BigIntStats, readlinkSync, statSync } from "node:fs";
import { attempt } from "../../attempt.ts";
import type { Process } from "../../policy/request.ts";

export interface Executable {
  /** As the kernel has it, without ` (deleted)`. */
  path: string;
  /** The file that runs is no longer at that path: another one may be there, or none. */
  deleted: boolean;
  /** Device and inode of the file that runs. It keeps both for as long as it runs. */
  file: string;
}

const DELETED = " (deleted)";

/** Undefined where the kernel does not tell: another user's process, one that forbids it, one that is gone. */
export function exePath(pid: number | "self"): Executable | undefined {
  return attempt(() => {
    const link = `/proc/${pid}/exe`;
    const path = readlinkSync(link);
    const file = fileOf(statSync(link, { bigint: true }));
    // a file may really be called so
    const deleted = path.endsWith(DELETED) && file !== fileAt(path);
    return { path: deleted ? path.slice(0, -DELETED.length) : path, deleted, file };
  });
}

/** How a {@link Process} has it. */
export function exeFields(exe: Executable | undefined): Pick<Process, "exe" | "exeFile" | "exeDeleted"> {
  if (!exe) return {};
  const { path, file, deleted } = exe;
  return { exe: path, exeFile: file, ...(deleted && { exeDeleted: true }) };
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

/** The executable of a process. proc(5): /proc/PID/exe. */
import { type BigIntStats, readlinkSync, statSync } from "node:fs";
import { attempt } from "../../attempt.ts";

export interface Executable {
  /** As the kernel names it. A process in another mount namespace may have any. */
  path: string;
  /** Whether the file is no longer at its path: replaced by an upgrade, or removed. */
  deleted: boolean;
}

/** What the kernel writes behind the path of a file that is gone. */
const DELETED = " (deleted)";

/** Undefined for a process that has ended, or that hides its executable. */
export function exePath(pid: number | "self"): Executable | undefined {
  const link = `/proc/${pid}/exe`;
  const text = attempt(() => readlinkSync(link));
  if (text === undefined) return undefined;
  if (!text.endsWith(DELETED) || isSameFile(link, text)) return { path: text, deleted: false };
  return { path: text.slice(0, -DELETED.length), deleted: true };
}

/** A file may really be called "ssh (deleted)". */
function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statOf(one), statOf(other)];
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev;
}

function statOf(path: string): BigIntStats | undefined {
  return attempt(() => statSync(path, { bigint: true }));
}

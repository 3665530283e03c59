/** The process that holds a run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { adoptOrphans, setLockLimit, setProcessName } from "../platform/libc/process.ts";
import { reapOrphans } from "../platform/proc/orphans.ts";
import { RUN_HOLDER } from "./in-run.ts";
import { markOfRun } from "./mark.ts";

/** From here on all descendants of this process are inside of a run. */
export function becomeRunHolder(): void {
  setProcessName(RUN_HOLDER);
  adoptOrphans();
  reapOrphans();
}

/**
 * The command line that starts a command as inside of a run: prlimit(1) lowers the limit, and becomes the
 * command. Where there is none, this process lowers its own; what it starts from here on is inside too, and
 * nobody else can tell by its limit that it holds the run.
 */
export function markedCommand(command: readonly string[], confined = false): string[] {
  const limit = markOfRun(confined);
  if (limit < 0n) return [...command];
  const prlimit = findPrlimit();
  if (prlimit !== undefined) return [prlimit, `--locks=${limit}:${limit}`, "--", ...command];
  setLockLimit(limit);
  return [...command];
}

/** Of util-linux. The system's own first: PATH may lead to another. */
function findPrlimit(): string | undefined {
  const folders = ["/usr/bin", "/bin", ...(process.env.PATH ?? "").split(":")];
  return folders.map((folder) => join(folder, "prlimit")).find(existsSync);
}

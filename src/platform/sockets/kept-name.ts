/**
 * A second name for what is at a path, while a call takes the first one away. It ends as runs/folders.ts knows it:
 * what is left behind is swept at the next start.
 */
import { linkSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

/** Gives what is there a second name. @throws Error where nothing is, or the name has no room */
export function keepName(path: string): string {
  const name = join(dirname(path), `.${process.pid}.${process.hrtime.bigint().toString(36)}.new`);
  linkSync(path, name);
  return name;
}

/** rename(2) does nothing where both names are of the same file. */
export function giveName(kept: string, path: string): void {
  renameSync(kept, path);
  rmSync(kept, { force: true });
}

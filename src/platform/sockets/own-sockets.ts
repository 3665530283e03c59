/** Whether a path leads to one of the sockets in a folder: through links of any kind, or a mount. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../../attempt.ts";

/** How deep the folder is looked at: runs have folders of their own in it. */
const DEPTH = 3;

export function isSocketBelow(path: string, folder: string): boolean {
  const found = attempt(() => statSync(path));
  if (!found?.isSocket()) return false;
  return socketsBelow(folder, DEPTH).some(({ dev, ino }) => dev === found.dev && ino === found.ino);
}

function socketsBelow(folder: string, depth: number): { dev: number; ino: number }[] {
  const entries = attempt(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return depth > 1 ? socketsBelow(path, depth - 1) : [];
    const stats = entry.isSocket() ? attempt(() => statSync(path)) : undefined;
    return stats ? [stats] : [];
  });
}

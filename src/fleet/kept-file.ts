/** A file that the fleet's code keeps on this machine, for its owner alone. */
import { renameSync, writeFileSync } from "node:fs";

/** In one step: it is there whole, or as it was. */
export function writeKept(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, path);
}

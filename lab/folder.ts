/** A folder of the laboratory's own. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Of the folder that it is in, in bytes: names of sockets below it have to fit into 107. unix(7) */
const LONGEST_PARENT = 32;

/** Its name is short. */
export function makeFolder(prefix = "mg-"): string {
  return mkdtempSync(join(tmpdir().length > LONGEST_PARENT ? "/tmp" : tmpdir(), prefix));
}

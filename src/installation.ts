/**
 * Where this installation's own files are. Source and bundles lie in a folder of the root: src/ and dist/, so
 * that this holds for tests, which run the source, as for programs.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);

/** The folder in which all of it is. */
export const installationFolder = (): string => root;
export const muxguardProgram = (): string => join(root, "bin/muxguard");
export const askpassProgram = (): string => join(root, "bin/muxguard-askpass");
/** What the ssh of a ride runs first. */
export const rideProgram = (): string => join(root, "bin/muxguard-ride");
/** What `ssh -N` becomes in a ride. */
export const holdForwardsProgram = (): string => join(root, "bin/muxguard-hold-forwards");

export function version(): string {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}

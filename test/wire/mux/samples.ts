/** The golden messages of the control socket, recorded from OpenSSH (test/vectors/record-mux.mjs). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { readVector, type Vector } from "../../support/vectors.ts";

const folder = join(import.meta.dirname, "../../vectors");

export function muxVectors(kind: "mux-request" | "mux-reply" | "connection"): Vector[] {
  const files = readdirSync(folder).filter((name) => name.startsWith(`${kind}.`) && name.endsWith(".hex"));
  return files.sort().map((file) => readVector(file));
}

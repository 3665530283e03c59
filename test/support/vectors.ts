/** The golden messages of test/vectors, recorded from OpenSSH (record.mjs). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../vectors");

export interface Vector {
  /** `sign-login-ed25519` */
  name: string;
  /** What it is, in words. */
  title: string;
  payload: Buffer;
}

export function readVectors(kind: "request" | "reply"): Vector[] {
  const files = readdirSync(folder).filter((name) => name.startsWith(`${kind}.`) && name.endsWith(".hex"));
  return files.sort().map((file) => readVector(file));
}

export function readVector(file: string): Vector {
  const lines = readFileSync(join(folder, file), "utf8").split("\n");
  const comments = lines.filter((line) => line.startsWith("#"));
  const hex = lines.filter((line) => !line.startsWith("#")).join("");
  const name = file.slice(file.indexOf(".") + 1, -".hex".length);
  return { name, title: comments[0]?.slice(2) ?? "", payload: Buffer.from(hex, "hex") };
}

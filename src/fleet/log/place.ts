/**
 * How far a machine's log is in the stream. The log itself is what waits: an entry is in it before all else, so
 * nothing more is kept than a place in a file. It is written now and then. What the stream says counts as well.
 */
import { createHash } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import * as z from "zod/mini";
import { attempt } from "../../attempt.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";

export interface Place {
  /** The file; after a rotation it has another name. */
  dev: number;
  ino: number;
  /** Behind the last line that is in the stream. */
  offset: number;
  /** Of that line: SHA-256, in hexadecimal; empty where none is there yet. */
  hash: string;
  /** The number of that line. */
  seq: number;
  /** How the file begins, up to the offset: a number of an inode is used again. */
  head: { length: number; hash: string };
}

const count = z.int().check(z.gte(0));
const place: z.ZodMiniType<Place> = z.strictObject({
  dev: count,
  ino: count,
  offset: count,
  hash: z.string(),
  seq: count,
  head: z.strictObject({ length: count, hash: z.string() }),
});

/** Undefined where there is none that can be read. */
export function readPlace(path: string): Place | undefined {
  if (!existsSync(path)) return undefined;
  const json: unknown = attempt(() => JSON.parse(readRegularFile(path)));
  return z.safeParse(place, json, { jitless: true }).data;
}

/** In one step: it is there whole, or as it was. */
export function keepPlace(path: string, where: Place): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, `${JSON.stringify(where)}\n`, { mode: 0o600 });
  renameSync(fresh, path);
}

export function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

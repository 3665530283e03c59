/**
 * How far a machine's log is in the stream. The log itself is what waits: an entry is in it before all else, so
 * nothing more is kept than a place in a file. It is written now and then. What the stream says counts as well.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import * as z from "zod/mini";
import { attempt } from "../../attempt.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { writeKept } from "../kept-file.ts";
import { parsed } from "../parsed.ts";

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
  /** In whose stream: what tells this machine's key in that fleet from others. Undefined where it has none. */
  of?: string | undefined;
}

const count = z.int().check(z.gte(0));
const place: z.ZodMiniType<Place> = z.strictObject({
  dev: count,
  ino: count,
  offset: count,
  hash: z.string(),
  seq: count,
  head: z.strictObject({ length: count, hash: z.string() }),
  of: z.optional(z.string()),
});

/** Undefined where there is none that can be read. */
export function readPlace(path: string): Place | undefined {
  if (!existsSync(path)) return undefined;
  const text = attempt(() => readRegularFile(path));
  return text === undefined ? undefined : parsed(place, text);
}

export function keepPlace(path: string, where: Place): void {
  writeKept(path, `${JSON.stringify(where)}\n`);
}

/** As `of` in a place: a machine gets another key in each fleet. Undefined where it has none. */
export function fleetOf(machineKey: string | undefined): string | undefined {
  return attempt(() => hashOf(Buffer.from(readRegularFile(`${machineKey}.pub`, "followed"))));
}

export function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

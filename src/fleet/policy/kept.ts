/** The last good entries, on disk with their signatures: they are verified again at each start. */
import { existsSync } from "node:fs";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { writeKept } from "../kept-file.ts";
import { type Entry, parseEntry } from "./entry.ts";

/**
 * @returns undefined for a line that was not written by muxguard
 * @throws Error for a file that can't be read
 */
export function readKept(path: string): (Entry | undefined)[] {
  if (!existsSync(path)) return [];
  const lines = readRegularFile(path)
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => parseEntry(Buffer.from(line)));
}

export function keep(path: string, entries: readonly Entry[]): void {
  writeKept(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
}

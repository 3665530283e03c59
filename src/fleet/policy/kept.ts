/** The last good entries, on disk with their signatures: they are verified again at each start. */
import { existsSync } from "node:fs";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { writeKept } from "../kept-file.ts";
import { type Entry, MAX_ENTRY, parseEntry } from "./entry.ts";

/** @throws Error for a file that is none of muxguard's */
export function readKept(path: string): Entry[] {
  if (!existsSync(path)) return [];
  const lines = readRegularFile(path)
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => {
    const entry = line.length > MAX_ENTRY ? undefined : parseEntry(Buffer.from(line));
    if (!entry) throw new Error(`${path}: it was not written by muxguard; remove it`);
    return entry;
  });
}

export function keep(path: string, entries: readonly Entry[]): void {
  writeKept(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
}

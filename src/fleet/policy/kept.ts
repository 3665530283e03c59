/** The last good entries, on disk with their signatures: they are verified again at each start. */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { readRegularFile } from "../../platform/files/regular-file.ts";
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

/** In one step: it is there whole, or as it was. */
export function keep(path: string, entries: readonly Entry[]): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""), { mode: 0o600 });
  renameSync(fresh, path);
}

/** Files that are muxguard's own, by their first line. Others are never written to. */
import { lstatSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { attempt } from "../../attempt.ts";
import { makeFolders } from "../../platform/files/private-folder.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { MARK } from "./units.ts";

/** Without the end, which is not the same in XML. */
const BEGINNING = MARK.split(",")[0] ?? MARK;

export type FileState = "none" | "own" | "same" | "foreign";

/** @param text what it is to hold */
export function stateOf(path: string, text?: string): FileState {
  const found = attempt(() => lstatSync(path));
  if (!found) return "none";
  const content = readOwn(path);
  if (content === undefined) return "foreign";
  return content === text ? "same" : "own";
}

/** Undefined for a file that is not muxguard's own. */
export function readOwn(path: string): string | undefined {
  const content = attempt(() => readRegularFile(path));
  return content?.split("\n")[0]?.includes(BEGINNING) ? content : undefined;
}

/** In one step. */
export function writeOwn(path: string, text: string): void {
  makeFolders(dirname(path));
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text, { flag: "wx", mode: 0o644 });
  renameSync(fresh, path);
}

/** Folders in which anybody can put something that you then start, or read. */
import { type Stats, statSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { visible } from "../policy/visible.ts";
import type { Finding } from "./finding.ts";

type Look = (path: string) => Pick<Stats, "mode" | "uid"> | undefined;

const look: Look = (path) => attempt(() => statSync(path));

/** @param folders each with what it is for */
export function folderFindings(
  folders: readonly (readonly [path: string, use: string])[],
  uid: number,
  lookAt = look,
): Finding[] {
  const known = new Map(folders.map((one) => [one[0], one]));
  return [...known.values()].flatMap(([path, use]) => {
    const found = lookAt(path);
    const fault = found && faultOf(found, uid, visible(path));
    return fault ? [{ topic: "folders", level: "wrong", ...fault, what: `${use}: ${fault.what}` }] : [];
  });
}

function faultOf({ mode, uid }: Pick<Stats, "mode" | "uid">, own: number, path: string) {
  if ((mode & 0o002) !== 0)
    return { what: `${path}: anybody may write there`, mend: `chmod o-w ${path}, or do without it` };
  if (uid === 0 || uid === own) return undefined;
  return { what: `${path} belongs to another user (uid ${uid})`, mend: "do without it, or take it over" };
}

/**
 * ~/.ssh, of which a confined run sees the ordinary files alone, and can only read them: no private key, no
 * socket, and nothing that comes later.
 */
import { join } from "node:path";
import type { Sieve } from "../../platform/confine/facts.ts";
import { type Files, placeAt } from "./files.ts";
import { isPrivateKey } from "./keys.ts";

/** How deep it is looked into: a folder of Include files, one of keys. */
const MAX_DEPTH = 3;
/** So that a run begins at all. The rest is not seen. */
const MAX_KEPT = 200;

/** Undefined where it is not there. */
export function sshFolder(home: string, files: Files): Sieve | undefined {
  const place = placeAt(files, join(home, ".ssh"), "~/.ssh");
  if (!place?.folder) return undefined;
  return { ...place, kept: ordinaryIn(place.path, files, MAX_DEPTH).slice(0, MAX_KEPT) };
}

function ordinaryIn(folder: string, files: Files, depth: number): string[] {
  return files.list(folder).flatMap((name) => {
    const path = join(folder, name);
    const kind = files.look(path)?.kind;
    if (kind === "file") return isPrivateKey(files.head(path)) ? [] : [path];
    const isInside = kind === "folder" && depth > 1 && !files.isLink(path);
    return isInside ? ordinaryIn(path, files, depth - 1) : [];
  });
}

/** What links in the folder lead to, which lies elsewhere. */
export function linkedFrom(folder: string, files: Files, depth = MAX_DEPTH): string[] {
  return files.list(folder).flatMap((name) => {
    const path = join(folder, name);
    if (files.isLink(path)) return files.real(path) ?? [];
    return depth > 1 && files.look(path)?.kind === "folder" ? linkedFrom(path, files, depth - 1) : [];
  });
}

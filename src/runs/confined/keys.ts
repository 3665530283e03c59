/** Private keys, by what is in the file: a name says nothing. */
import { dirname, join } from "node:path";
import { literalPrefix } from "../../identity/ssh-config/literal-path.ts";
import type { Mention } from "../../identity/ssh-config/mentions.ts";
import type { Files } from "./files.ts";

/** PEM, OpenSSH's own and PuTTY's. */
const key = /^\s*(?:-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|PuTTY-User-Key-File-)/m;

/** In one folder. */
const MAX_LOOKED_AT = 500;

export function isPrivateKey(head: string): boolean {
  return key.test(head);
}

/**
 * Those that ssh_config names, for whatever host: all of a folder where the name differs from host to host.
 * @returns real paths
 */
export function namedKeys(
  mentions: readonly Mention[],
  environment: NodeJS.ProcessEnv,
  files: Files,
): string[] {
  const named = mentions.filter(({ keyword }) => keyword === "identityfile");
  const paths = named.flatMap(({ value }) => {
    const found = literalPrefix(value, environment);
    if (!found) return [];
    return found.whole ? [found.path] : inFolder(dirname(`${found.path}x`), files);
  });
  return keysAmong(paths, files);
}

/** The server's, which root alone can read. */
export function hostKeys(files: Files): string[] {
  return keysAmong(inFolder("/etc/ssh", files), files);
}

export function keysAmong(paths: readonly string[], files: Files): string[] {
  const real = paths.flatMap((path) => files.real(path) ?? []);
  return [...new Set(real)].filter((path) => isPrivateKey(files.head(path)));
}

export function inFolder(folder: string, files: Files): string[] {
  return files
    .list(folder)
    .slice(0, MAX_LOOKED_AT)
    .map((name) => join(folder, name));
}

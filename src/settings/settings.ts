/**
 * Settings files, opened, read and checked. Nothing of what they say is kept on disk: what is kept there,
 * another program could edit, and it would decide what the file denies.
 */
import { closeSync, constants, fstatSync, type Stats } from "node:fs";
import { hasCode } from "../errors.ts";
import { looksAt, readAtRest } from "../platform/files/at-rest.ts";
import { FileFault, type OpenedFile, openRegular, readOpened } from "../platform/files/regular-file.ts";
import type { PolicyFile } from "../policy/schema.ts";
import type { ConfigFile } from "./config-schema.ts";
import { SettingsError } from "./settings-error.ts";

interface Settings {
  config: ConfigFile;
  policy: PolicyFile;
}

/**
 * The parser and the schemas are loaded for the first file: a run that has none does without them.
 * @returns undefined if there is none
 * @throws SettingsError for a mistake in the file, and for what is no file of the user's own
 */
export async function readSettings<K extends keyof Settings>(
  path: string,
  kind: K,
): Promise<Settings[K] | undefined> {
  const { found } = await readAtRest(
    looksAt(() => [path]),
    () => readNow(path, kind),
  );
  return found;
}

/** The same, for one who has seen to it that nobody writes the file. */
export async function readNow<K extends keyof Settings>(
  path: string,
  kind: K,
): Promise<Settings[K] | undefined> {
  const text = textOf(path);
  if (text === undefined) return undefined;
  const { checkSettings } = await import("./toml-file.ts");
  return checkSettings(path, kind, text) as Settings[K];
}

function textOf(path: string): string | undefined {
  const file = openSettings(path);
  if (!file) return undefined;
  try {
    const text = readOpened(path, file);
    if (isSame(file.stats, fstatSync(file.fd))) return text;
    throw new SettingsError(`${path}: it changed while it was read`);
  } finally {
    closeSync(file.fd);
  }
}

function isSame(before: Stats, after: Stats): boolean {
  return before.ctimeMs === after.ctimeMs && before.mtimeMs === after.mtimeMs && before.size === after.size;
}

/** Many keep their settings elsewhere, and a link here: what it leads to is looked at. */
function openSettings(path: string): OpenedFile | undefined {
  try {
    return openRegular(path, constants.O_RDONLY, "followed");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error instanceof FileFault ? new SettingsError(error.message) : error;
  }
}

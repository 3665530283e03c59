/**
 * Settings files, opened, read and checked. Nothing of what they say is kept on disk: what is kept there,
 * another program could edit, and it would decide what the file denies.
 */
import { closeSync, constants } from "node:fs";
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
 * @throws SettingsError for a mistake in the file, and for what is no file of the user's own
 */
export async function readSettings<K extends keyof Settings>(path: string, kind: K): Promise<Settings[K]> {
  const file = openSettings(path);
  try {
    const { checkSettings } = await import("./toml-file.ts");
    return checkSettings(path, kind, readOpened(path, file)) as Settings[K];
  } finally {
    closeSync(file.fd);
  }
}

/** Many keep their settings elsewhere, and a link here: what it leads to is looked at. */
function openSettings(path: string): OpenedFile {
  try {
    return openRegular(path, constants.O_RDONLY, "followed");
  } catch (error) {
    throw error instanceof FileFault ? new SettingsError(error.message) : error;
  }
}

/**
 * Settings files, checked once: what a file says is kept, as it was checked, in the state folder. Most runs
 * then start without loading the parser and the schemas.
 *
 * What is kept belongs to the file's stamp: inode, times, size, owner and mode. The state folder is private,
 * and has to be: it holds the log.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, mkdirSync, renameSync, type Stats, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt } from "../attempt.ts";
import {
  FileFault,
  type OpenedFile,
  openRegular,
  readOpened,
  readRegularFile,
} from "../platform/files/regular-file.ts";
import type { PolicyFile } from "../policy/schema.ts";
import type { ConfigFile } from "./config-schema.ts";
import { SettingsError } from "./settings-error.ts";

/** A file that was changed so lately may change again without a new time, in milliseconds: it is not kept. */
const SETTLED = 2000;

/** Part of the stamp: to be raised with each change to a schema. */
const VERSION = 7;

interface Settings {
  config: ConfigFile;
  policy: PolicyFile;
}

/**
 * @param state the private folder
 * @throws SettingsError for a mistake in the file
 */
export async function readSettings<K extends keyof Settings>(
  path: string,
  kind: K,
  state: string,
): Promise<Settings[K]> {
  const file = openSettings(path);
  try {
    const { stats } = file;
    const stamp = stampOf(path, kind, stats);
    const folder = join(state, "settings");
    const kept = join(folder, createHash("sha256").update(path).digest("hex").slice(0, 16));
    const known = readKept(kept);
    if (known?.stamp === stamp) return known.settings as Settings[K];
    const { checkSettings } = await import("./toml-file.ts");
    const settings = checkSettings(path, kind, readOpened(path, file));
    if (Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs) > SETTLED)
      keep(folder, kept, { stamp, settings });
    return settings as Settings[K];
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

function stampOf(path: string, kind: string, { ino, mtimeMs, ctimeMs, size, uid, mode }: Stats): string {
  return JSON.stringify([VERSION, kind, path, ino, mtimeMs, ctimeMs, size, uid, mode]);
}

/** Undefined where there is none yet, or not a whole one. */
function readKept(path: string): { stamp: string; settings: unknown } | undefined {
  return attempt(() => JSON.parse(readRegularFile(path)));
}

function keep(folder: string, path: string, content: { stamp: string; settings: unknown }): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const whole = `${path}.${process.pid}`;
    writeFileSync(whole, JSON.stringify(content), { mode: 0o600, flag: "wx" });
    renameSync(whole, path);
  } catch {
    // only slower the next time
  }
}

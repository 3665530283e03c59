/**
 * The record of what was changed: it is written before each change, so that no change is without one. It holds
 * start-up files as they were, and is for the user alone.
 */
import { closeSync, constants, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { openRegular, readRegularFile } from "../../platform/files/regular-file.ts";
import type { Paths } from "../../settings/paths.ts";
import { emptyRecord, type InitRecord, parseRecord } from "../record.ts";
import { missingFolders } from "./change.ts";

/** @throws Error for one that can't be read: it must not be written over */
export function readInitRecord({ state }: Pick<Paths, "state">): InitRecord {
  const path = pathIn(state);
  if (!existsSync(path)) return { ...emptyRecord, folders: missingFolders(path) };
  const record = parseRecord(readRegularFile(path));
  if (!record) throw new Error(`${path}: no record that muxguard init can read; move it away`);
  return record;
}

export function keepInitRecord({ state }: Pick<Paths, "state">, record: InitRecord): void {
  ensurePrivateFolder(state);
  const whole = `${pathIn(state)}.new`;
  rmSync(whole, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const { fd } = openRegular(whole, O_WRONLY | O_CREAT | O_EXCL);
  try {
    writeFileSync(fd, `${JSON.stringify(record)}\n`);
  } finally {
    closeSync(fd);
  }
  renameSync(whole, pathIn(state));
}

export function removeInitRecord({ state }: Pick<Paths, "state">): void {
  rmSync(pathIn(state), { force: true });
}

function pathIn(state: string): string {
  return join(state, "init.json");
}

/** A log in a folder of its own, for each test anew. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { AuditLog } from "../../src/audit/log.ts";
import { openRegular } from "../../src/platform/files/regular-file.ts";

export let folder: string;
export let path: string;
export let log: AuditLog;

/** As another writer does. */
export function openLog(): void {
  log = new AuditLog(path, openRegular);
}

export function useOwnLog(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mg-"));
    path = join(folder, "log.jsonl");
    openLog();
  });
  afterEach(() => {
    log.close();
    rmSync(folder, { recursive: true });
  });
}

/**
 * A policy file that is replaced as a whole, so nobody ever reads half of it. It is its owner's alone, and a link
 * stays one.
 */
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { hasCode } from "../../errors.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { checkSettings, type SettingsFiles } from "../toml-file.ts";

/** For how long a new file may be another guard's that is being written, in milliseconds. */
const WRITING = 2000;

/** Of a hundredth of a second. */
const MAX_TRIES = 500;

/**
 * @param change makes the new text of the present one, if there is a file; undefined leaves it as it is
 * @throws Error also if the new text is no file of its kind
 */
export async function rewrite(
  file: string,
  change: (present: string | undefined, path: string) => string | undefined,
  kind: keyof SettingsFiles = "policy",
): Promise<void> {
  const path = existsSync(file) ? realpathSync(file) : file;
  const whole = `${path}.new`;
  let fd = claim(whole);
  for (let tries = 0; fd === undefined; tries++) {
    if (tries === MAX_TRIES) throw new Error(`${whole} is being written all the time`);
    await wait(10);
    fd = claim(whole);
  }
  try {
    const next = change(existsSync(path) ? readRegularFile(path) : undefined, path);
    if (next === undefined) return;
    checkSettings(path, kind, next);
    writeFileSync(fd, next);
    renameSync(whole, path);
  } finally {
    closeSync(fd);
    rmSync(whole, { force: true });
  }
}

/**
 * The new file is the lock as well: guards write one after the other. One that nobody finishes is a crashed
 * guard's. It is written through this descriptor, so nothing that takes its name meanwhile is written to.
 */
function claim(whole: string): number | undefined {
  try {
    return openSync(whole, "wx", 0o600);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    const found = lstatSync(whole, { throwIfNoEntry: false });
    if (found && Date.now() - found.mtimeMs > WRITING) rmSync(whole, { force: true });
    return undefined;
  }
}

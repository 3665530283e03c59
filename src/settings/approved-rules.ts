/**
 * approved.toml: the rules that answers made. It is replaced as a whole, so nobody ever reads half of it;
 * what is in there already stays as it is, as a person may have written there too.
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
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { hasCode } from "../errors.ts";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { formatRule } from "../policy/exact-rule.ts";
import type { Rule } from "../policy/policy.ts";
import { checkSettings } from "./toml-file.ts";

const HEADER =
  '# Rules that "allow always" wrote. They answer a question, and never overrule a denial. ' +
  "Delete what should be asked about again.\n";

/** For how long a new file may be another guard's that is being written, in milliseconds. */
const WRITING = 2000;

/** Of a hundredth of a second. */
const MAX_TRIES = 500;

/** @throws Error also if what is there is no policy: it would not be read */
export async function addRule(file: string, rule: Rule): Promise<void> {
  if (!existsSync(dirname(file))) ensurePrivateFolder(dirname(file));
  const path = existsSync(file) ? realpathSync(file) : file; // a link stays one
  const whole = `${path}.new`;
  let fd = claim(whole);
  for (let tries = 0; fd === undefined; tries++) {
    if (tries === MAX_TRIES) throw new Error(`${whole} is being written all the time`);
    await wait(10);
    fd = claim(whole);
  }
  try {
    const present = existsSync(path) ? readRegularFile(path) : HEADER;
    const added = `${formatRule(rule).join("\n")}\n`;
    if (present.includes(added)) return;
    const next = `${present}${present.endsWith("\n") ? "" : "\n"}\n${added}`;
    checkSettings(path, "policy", next);
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

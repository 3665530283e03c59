/** The end of the log, read while requests come in. */
import { constants } from "node:fs";
import { attempt } from "../../attempt.ts";
import type { AuditEvent } from "../../audit/event.ts";
import { loggedRequest } from "../../audit/logged.ts";
import { readEnd } from "../../platform/files/file-end.ts";
import { openRegular } from "../../platform/files/regular-file.ts";
import type { Logged } from "../../policy/suggest/suggest.ts";

/** How much of it is looked at, in bytes: a few hundred entries. */
const MOST = 256 * 1024;
/** Entries that are read at once: requests come in between. */
const AT_ONCE = 32;

/**
 * @param wanted whether a line is worth reading, told by its text
 * @throws Error where there is none, or none that can be read
 */
export async function readLogEnd(
  path: string,
  wanted: (line: string) => boolean = () => true,
): Promise<Logged[]> {
  const { fd } = openRegular(path, constants.O_RDONLY);
  const lines = (await readEnd(fd, MOST)).filter(wanted);
  const entries = [];
  for (const [at, line] of lines.entries()) {
    if (at % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    const entry = attempt(() => loggedRequest(JSON.parse(line) as AuditEvent));
    if (entry) entries.push(entry);
  }
  return entries;
}

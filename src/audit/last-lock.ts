/**
 * Whether the log ends locked: by the last entry that tells. While muxguard is locked each request is denied as
 * such, so that entry is near the end, however much is asked.
 */
import { closeSync, constants, fstatSync, readSync } from "node:fs";
import { attempt } from "../attempt.ts";
import { controlOperations, guardEvents } from "../policy/request.ts";
import type { AuditEvent } from "./event.ts";
import type { OpenLog } from "./log.ts";

/** Read at once, in bytes, from the end. */
const CHUNK = 64 * 1024;
const NEWLINE = 0x0a;

/** @throws Error for a log that can't be read: ENOENT */
export function endsLocked(path: string, openFile: OpenLog, chunk = CHUNK): boolean {
  const { fd } = openFile(path, constants.O_RDONLY);
  try {
    for (const line of linesFromEnd(fd, chunk)) {
      const told = attempt(() => tells(JSON.parse(line)));
      if (told !== undefined) return told;
    }
    return false;
  } finally {
    closeSync(fd);
  }
}

/** Undefined where the entry may be from before or after. */
function tells({ operation, decision, by }: AuditEvent): boolean | undefined {
  if (operation === "lock-all" || operation === "unlock-all")
    return decision === "allow" ? operation === "lock-all" : undefined;
  if (by === "fault:locked") return true;
  const isOfGuard = [...controlOperations, ...guardEvents].some((one) => one === operation);
  return isOfGuard || by.startsWith("fault:") ? undefined : false;
}

function* linesFromEnd(fd: number, chunk: number): Generator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for (let end = fstatSync(fd).size; end > 0; ) {
    const bytes = Buffer.alloc(Math.min(chunk, end));
    end -= bytes.length;
    readSync(fd, bytes, 0, bytes.length, end);
    const text = Buffer.concat([bytes, rest]);
    // what comes before the first end of a line begins further up
    const from = end === 0 ? 0 : text.indexOf(NEWLINE) + 1;
    rest = text.subarray(0, from);
    if (from === 0 && end > 0) rest = text;
    else yield* text.toString("utf8", from).split("\n").reverse();
  }
}

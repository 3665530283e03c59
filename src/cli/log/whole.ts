/** `muxguard log ID`: all that the log has of one entry. */
import { closeSync, fstatSync } from "node:fs";
import type { AuditEvent } from "../../audit/event.ts";
import { backwards } from "../../audit/lines.ts";
import { jsonOnScreen, visible } from "../../policy/visible.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { CliError } from "../cli-error.ts";
import { describeEvent } from "./describe-event.ts";
import { eventOf } from "./fields.ts";
import { openLog } from "./tail.ts";

export interface WholeOptions {
  json?: boolean;
}

/** So many entries of the same beginning are listed. */
const MOST = 10;
/** A field has as much of a line, in characters. */
const MOST_TEXT = 4000;

/** @throws CliError where it is none, or several */
export async function showWhole(id: string, { json }: WholeOptions): Promise<void> {
  const events = entriesOf(id);
  const ids = [...new Set(events.map((event) => event.id))];
  if (ids.length === 0) throw new CliError(`no entry ${visible(id, 40)} in the log (muxguard log)`, 1);
  if (ids.length > 1) {
    for (const event of events) toStdout(describeEvent(event));
    throw new CliError(`several entries begin with ${visible(id, 40)}`, 1);
  }
  for (const event of events) {
    if (json) toStdoutAsJson(JSON.stringify(event));
    else for (const line of [describeEvent(event), ...fieldsOf(event)]) toStdout(line);
  }
}

/** The latest of them, in their order. */
function entriesOf(id: string): AuditEvent[] {
  const fd = openLog(openPaths().log);
  if (fd === undefined) return [];
  const words = Buffer.from(`"id":${JSON.stringify(id).slice(0, -1)}`);
  const found: AuditEvent[] = [];
  try {
    for (const line of backwards(fd, fstatSync(fd).size)) {
      const event = line.includes(words) ? eventOf(line.toString("latin1")) : undefined;
      if (!event?.id.startsWith(id)) continue;
      found.push(event);
      if (found.length === MOST) break;
    }
  } finally {
    closeSync(fd);
  }
  return found.reverse();
}

/** `  caller.exe   /usr/bin/ssh` */
function fieldsOf(event: AuditEvent): string[] {
  const fields = leavesOf("", event);
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}

function leavesOf(name: string, value: unknown): [string, string][] {
  if (typeof value === "string") return [[name, visible(value, MOST_TEXT)]];
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return [[name, jsonOnScreen(JSON.stringify(value)).slice(0, MOST_TEXT)]];
  const inside = name === "" ? "" : `${name}.`;
  return Object.entries(value).flatMap(([key, one]) => leavesOf(`${inside}${visible(key, 40)}`, one));
}

/** `muxguard log`: the decisions, as lines to read or as JSON. */
import { closeSync, fstatSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { backwards, endOfLines, offsetOf, textsForwards, timeOf } from "../../audit/lines.ts";
import { keepYoungHeapSmall } from "../../platform/proc/small-heap.ts";
import { openPaths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { eventOf } from "./fields.ts";
import { type Filter, type FilterOptions, filterOf } from "./filter.ts";
import { Printer } from "./print.ts";
import { openLog, Tail } from "./tail.ts";

/** How often the file is looked at, in milliseconds. */
const INTERVAL = 200;
/** Entries of several writers are in the order of time up to that, in milliseconds. */
const SLACK = 60_000;

export interface LogOptions extends FilterOptions {
  follow?: boolean;
  json?: boolean;
  lines?: string;
}

export async function log(options: LogOptions): Promise<void> {
  const filter = filterOf(options);
  keepYoungHeapSmall();
  const most = countOf(options.lines);
  const path = openPaths().log;
  const printer = new Printer(options);
  const fd = openLog(path);
  let read = 0;
  if (fd !== undefined)
    try {
      read = await print(fd, filter, most, printer);
    } finally {
      closeSync(fd);
    }
  if (options.follow) await follow(path, read, filter, printer);
}

/** @throws CliError */
export function countOf(lines: string | undefined): number | undefined {
  if (lines === undefined) return undefined;
  if (/^\d{1,9}$/.test(lines)) return Number(lines);
  throw new CliError(`no number of entries: ${lines}`, exitCodes.usage);
}

/** @returns up to where it was read: a line that has no end yet may get one */
async function print(fd: number, filter: Filter, most: number | undefined, to: Printer): Promise<number> {
  const { size } = fstatSync(fd);
  const from = most === undefined ? beginningOf(fd, size, filter) : endOfLines(fd, size);
  let read = from;
  for (const line of lastOf(fd, from, filter, most ?? 0)) if (to.add(line)) await to.write();
  for (const line of textsForwards(fd, from)) {
    read += line.length + 1;
    if (filter.takes(line) && to.add(line)) await to.write();
  }
  await to.write();
  return read;
}

/** All that the filter takes, whole or not. */
export function eachEntry(filter: Filter, take: (line: string) => void): void {
  keepYoungHeapSmall();
  const fd = openLog(openPaths().log);
  if (fd === undefined) return;
  try {
    const from = beginningOf(fd, fstatSync(fd).size, filter);
    for (const line of textsForwards(fd, from)) if (filter.takes(line)) take(line);
  } finally {
    closeSync(fd);
  }
}

/** Where the filter's time begins, or a little before. */
function beginningOf(fd: number, size: number, { from }: Filter): number {
  return from === "" ? 0 : offsetOf(fd, size, before(from));
}

/** The last that the filter takes, in their order. */
function lastOf(fd: number, size: number, { from, takes }: Filter, most: number): string[] {
  const found: string[] = [];
  if (most === 0) return found;
  const first = from === "" ? "" : before(from);
  for (const bytes of backwards(fd, size)) {
    const line = bytes.toString("latin1");
    if ((timeOf(line) ?? first) < first) break;
    if (!takes(line) || eventOf(line) === undefined) continue;
    found.push(line);
    if (found.length === most) break;
  }
  return found.reverse();
}

function before(time: string): string {
  return new Date(Date.parse(time) - SLACK).toISOString();
}

async function follow(path: string, read: number, filter: Filter, to: Printer): Promise<void> {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const tail = new Tail(path, Math.max(0, size - read));
  for (;;) {
    for (const text of tail.lines()) {
      const line = Buffer.from(text).toString("latin1");
      if (filter.takes(line)) to.add(line);
    }
    await to.write();
    await sleep(INTERVAL);
  }
}

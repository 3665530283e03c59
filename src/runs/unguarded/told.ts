/**
 * What was told today, so that it is not told with each run. It is a hint alone: whoever edits it changes what
 * is told, and nothing that is decided. `muxguard status` does not look here.
 */
import { closeSync, constants, writeFileSync } from "node:fs";
import { openRegular, readRegularFile } from "../../platform/files/regular-file.ts";

interface Told {
  day: string;
  ids: string[];
}

/**
 * Those that were not told of today; they are taken to be told of now. Never throws: where it can't be kept,
 * they are told of again.
 */
export function notToldToday<T extends { id: string }>(
  path: string,
  ways: readonly T[],
  now = new Date(),
): T[] {
  if (ways.length === 0) return [];
  const day = dayOf(now);
  const ids = readTold(path, day);
  const left = ways.filter(({ id }) => !ids.includes(id));
  if (left.length > 0) keep(path, { day, ids: [...ids, ...left.map(({ id }) => id)] });
  return left;
}

/** Whether it was. Never throws. */
export function wasToldToday(path: string, id: string, now = new Date()): boolean {
  return readTold(path, dayOf(now)).includes(id);
}

function dayOf(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].join("-");
}

function readTold(path: string, today: string): string[] {
  try {
    const { day, ids } = JSON.parse(readRegularFile(path)) as Partial<Told>;
    return day === today && Array.isArray(ids) ? ids : [];
  } catch {
    return []; // the first time, or nothing of ours
  }
}

function keep(path: string, told: Told): void {
  try {
    const { fd } = openRegular(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
    try {
      writeFileSync(fd, JSON.stringify(told));
    } finally {
      closeSync(fd);
    }
  } catch {
    // told of again with the next run
  }
}

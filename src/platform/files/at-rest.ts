/**
 * Files that are read whole or not at all. Many programs write a file in its place, in pieces: what is read in
 * between is a text that nobody meant. So files are read when the last change is a tenth of a second old,
 * and again if they changed meanwhile. Whoever wants to know what they say waits for that.
 *
 * Its times don't always tell. A file that is cut, as by whoever opens it to write it anew, is shorter before its
 * times change: ext4_setattr() of Linux (seen for 20 ms on a busy machine). So one that is known, and has another
 * size at the same times, is at rest when it stayed so for a second.
 *
 * A file that nothing is known of any more, as its time lies ahead of a clock that was set back, is at rest when it
 * stayed the same for as long. One that is written all the time has no text to go by: after two seconds that
 * is an error, and so a denial. The text from before the change is no substitute: it may allow what the new one
 * denies.
 */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** How old the last change is before a file is believed, in milliseconds. */
const REST = 100;
/** For how long one has to stay as it is whose size is another at the same times, in milliseconds. */
const REST_AT_SAME_TIMES = 1000;
/** The most that is waited for it, in milliseconds. */
const MAX_WAIT = 2000;

/** What is looked at. */
export interface Looks {
  /** Changes whenever one of the files does. */
  stamp(): string;
  /** When one of them changed last, as the system saw it: in milliseconds, as Date.now() has it. */
  changedAt(): number;
}

export interface RestEdges {
  /** A clock in milliseconds that nobody can set. */
  now(): number;
  date(): number;
  wait(milliseconds: number): Promise<unknown>;
}

const system: RestEdges = { now: () => performance.now(), date: Date.now, wait };

export class NeverAtRest extends Error {
  constructor() {
    super("it is being written all the time, and nothing is decided before it rests; see who writes it");
  }
}

/** Of files that need not be there. */
export function looksAt(files: () => readonly string[]): Looks {
  return {
    stamp: () => files().map(stampOf).join("\n"),
    changedAt: () => Math.max(0, ...files().map(changeOf)),
  };
}

/**
 * What is read is of the files as the stamp says.
 * @param known their stamp when they were read last
 * @throws NeverAtRest; and what reading throws, if the files were at rest
 */
export async function readAtRest<T>(
  looks: Looks,
  read: () => Promise<T>,
  edges = system,
  known?: string,
): Promise<{ found: T; stamp: string }> {
  const until = edges.now() + MAX_WAIT;
  for (let before = known; ; ) {
    const stamp = await rest(looks, edges, until, before);
    const outcome = await read().then(
      (found) => ({ found }),
      (error: unknown) => ({ error }),
    );
    if (looks.stamp() === stamp) {
      if ("error" in outcome) throw outcome.error;
      return { found: outcome.found, stamp };
    }
    if (edges.now() >= until) throw new NeverAtRest();
    before = stamp;
  }
}

/** @returns their stamp */
async function rest(
  looks: Looks,
  { now, date, wait }: RestEdges,
  until: number,
  before: string | undefined,
): Promise<string> {
  let stamp = looks.stamp();
  for (let since = now(); ; ) {
    const isCut = before !== undefined && isAtSameTimes(before, stamp);
    const age = isCut ? 0 : date() - looks.changedAt();
    const left = (isCut ? REST_AT_SAME_TIMES : REST) - Math.max(age, now() - since);
    if (left <= 0 && looks.stamp() === stamp) return stamp;
    if (now() >= until) throw new NeverAtRest();
    await wait(Math.min(Math.max(left, 1), REST));
    const next = looks.stamp();
    if (next === stamp) continue;
    stamp = next;
    since = now();
  }
}

function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) return `${file} -`;
  return `${file} ${found.mtimeMs} ${found.ctimeMs} ${found.dev}:${found.ino} ${found.size}`;
}

/** Whether one of the files has another size, and is else as it was. */
function isAtSameTimes(before: string, stamp: string): boolean {
  if (before === stamp) return false;
  const earlier = before.split("\n");
  const timesBefore = new Set(earlier.map(withoutSize));
  return stamp.split("\n").some((line) => !earlier.includes(line) && timesBefore.has(withoutSize(line)));
}

/** Of a stamp's line; that of a file that is not there has none. */
function withoutSize(line: string): string {
  return line.replace(/ \d+$/, "");
}

/** Of a file that is not there: when something was moved or removed where it would be. */
function changeOf(file: string): number {
  const found =
    statSync(file, { throwIfNoEntry: false }) ?? statSync(dirname(file), { throwIfNoEntry: false });
  return found?.ctimeMs ?? 0;
}

/**
 * Whether there is a file descriptor for one more client, and for what that client brings or has opened. A
 * part of all that this process may have stays free of clients: for the log, the policy, programs that the
 * guard starts, and `muxguard status`. So nobody is let in who could not be served.
 *
 * The kernel gives the lowest number that is free: a new descriptor says how many are in use.
 */
import { descriptorLimit } from "../libc/process.ts";

/** Which part stays free of clients, and the most of it. The user's own commands may have half of it. */
const FREE_SHARE = 4;
const MOST_FREE = 64;
/** Which part of it is for those who are being told that there is no room. */
const TOLD_SHARE = 4;

/** Which part may be taken at most by what is kept of processes: proc/process.ts. */
const KEPT_SHARE = 8;

/** For whom a socket is. */
export type Whose = "clients" | "commands";

/** What clients will open or bring, and have not yet. */
let expected = 0;
/** What may come to be kept of processes. */
let mayBeKept = (): number => 0;

export function expectKept(mayTake: () => number): void {
  mayBeKept = mayTake;
}

/**
 * @param fd of a connection that was just made
 * @param needs how many more its client needs
 * @returns what is lacking, in words with the mend; undefined where there is room
 */
export function lackOfRoom(fd: number, needs: number, whose: Whose = "clients"): string | undefined {
  const limit = descriptorLimit();
  const free = freeOf(limit);
  const most = whose === "clients" ? limit - free : limit - free / 2;
  const kept = whose === "clients" ? Math.min(mayBeKept(), limit / KEPT_SHARE) : 0;
  return fd + needs + expected + kept < most ? undefined : describe(limit);
}

/** Where there was not even one for the connection itself. */
export function noRoom(): string {
  return describe(descriptorLimit());
}

function describe(limit: number): string {
  const mend = "see ulimit -n, LimitNOFILE= of the service";
  return `no file descriptor is left for one more client: ${limit} are the most, ${mend}`;
}

/** How many connections may be there at a time that are told so. */
export function mostTold(): number {
  return Math.max(1, Math.floor(freeOf(descriptorLimit()) / TOLD_SHARE));
}

function freeOf(limit: number): number {
  return Math.min(MOST_FREE, Math.floor(limit / FREE_SHARE));
}

export interface Expected {
  /** One of them is open: its number counts from now on. */
  came(): void;
  /** No more will come. */
  end(): void;
}

/** Keeps descriptors for a client that was let in. */
export function expectDescriptors(count: number): Expected {
  let left = count;
  expected += count;
  const take = (taken: number): void => {
    expected -= Math.min(taken, left);
    left -= Math.min(taken, left);
  };
  return { came: () => take(1), end: () => take(left) };
}

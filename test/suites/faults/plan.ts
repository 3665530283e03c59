/** Which process is killed when: drawn from a seed, so that a run can be had again. */

export const victims = ["daemon", "master", "client", "agent"] as const;
export type Victim = (typeof victims)[number];

export interface Kill {
  victim: Victim;
  signal: NodeJS.Signals;
  /** After the kill before, in milliseconds. */
  pause: number;
  /** Of those that run at that time: from 0 to 1. */
  choice: number;
}

/** In the last part the daemon lives on: what it holds before and after is compared. */
const DAEMON_UNTIL = 2 / 3;

/** @param seconds for all of them */
export function planKills(count: number, seconds: number, seed: number): Kill[] {
  const random = randomFrom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  return Array.from({ length: count }, (_, at) => {
    const victim = pick(at < count * DAEMON_UNTIL ? victims : victims.slice(1));
    // a daemon that is asked to end gives its masters their sockets back, unguarded: that is no fault
    const signal = victim === "daemon" ? "SIGKILL" : pick(["SIGKILL", "SIGKILL", "SIGTERM"] as const);
    // the other half of the time is for what was killed to come back
    return { victim, signal, pause: (random() * seconds * 1000) / count, choice: random() };
  });
}

/** From 0 to 1: mulberry32, whose state is one number. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

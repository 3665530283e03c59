/** A master that was made inside of a run, which alone may use it. */
import type { Inside } from "./registry.ts";

/** In words that follow a path, and "was". */
export const INSIDE = "made inside of a muxguard run";

/** One that seemed to be in none when its socket was looked at. */
export class MadeInside extends Error {
  readonly inside: Inside;

  constructor(inside: Inside) {
    super(`its master is ${INSIDE}`);
    this.inside = inside;
  }
}

/** What two looks have found: no run's in particular where they differ. */
export function bothInside(one: Inside | undefined, other: Inside | undefined): Inside | undefined {
  if (!one || !other) return one ?? other;
  return one.id === other.id && one.isOver === other.isOver ? one : {};
}

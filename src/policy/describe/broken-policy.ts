/** A policy whose files can't be used, in words: for `muxguard status` and each denial. */
import type { BrokenPolicy } from "../policy.ts";

/** One line that says all. */
export function describeBroken(broken: BrokenPolicy, now = new Date()): string {
  const { reason, since, asksFrom } = broken;
  const asks = `what that allows is asked from ${clockTime(asksFrom, now)} on`;
  return `the policy is broken since ${clockTime(since, now)}, and the old one counts; ${asks}: ${reason}`;
}

/** What every denial says beside its own reason; undefined where nothing is wrong. */
export function brokenNote(broken: BrokenPolicy | undefined, now = new Date()): string | undefined {
  if (!broken) return undefined;
  const { since } = broken;
  return `the policy is broken since ${clockTime(since, now)}, and the old one counts: muxguard policy check`;
}

/** `14:03`; with its day where that is another. */
function clockTime(date: Date, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (date.toDateString() === now.toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

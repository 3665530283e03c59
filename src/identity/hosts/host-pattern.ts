/** Host names against the pattern lists of known_hosts: match_hostname() of OpenSSH's match.c. */
import { matchPattern } from "../../policy/match/pattern.ts";

/** OpenSSH gives up on a list with a longer item (match_pattern_list). */
const MAX_ITEM = 1022;

/** @param items the patterns of a list, in lower case. One with a `!` before it excludes what it matches. */
export function matchesHostList(name: string, items: readonly string[]): boolean {
  const lower = name.toLowerCase();
  let matched = false;
  for (const item of items) {
    const negated = item.startsWith("!");
    if (item.length > MAX_ITEM) return false;
    if (!matchPattern(lower, negated ? item.slice(1) : item)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/**
 * What is in no host's name: characters of patterns, separators, and what check_host_key() of OpenSSH never
 * writes to known_hosts.
 */
const notInNames = /[\s\p{C}*?!,@#|[\]'"\\]/u;

/** True for a name that stands for itself. */
export function isLiteralName(name: string): boolean {
  return name.length > 0 && name.length <= 255 && !notInNames.test(name);
}

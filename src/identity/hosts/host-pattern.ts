/**
 * Host names against the pattern lists of known_hosts: match_hostname() of OpenSSH's match.c.
 */
import { matchPattern } from "../../policy/pattern.ts";

/** OpenSSH gives up on a list with a longer item (match_pattern_list). */
const MAX_ITEM = 1022;

/** @param items the patterns of a list, in lower case; one behind a `!` that matches excludes the name */
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
 * What no host is called: pattern characters, separators, and what OpenSSH never writes to known_hosts
 * (check_host_key).
 */
const notInNames = /[\s\p{C}*?!,@#|[\]'"\\]/u;

/** True for a name that stands for itself. */
export function isLiteralName(name: string): boolean {
  return name.length > 0 && name.length <= 255 && !notInNames.test(name);
}

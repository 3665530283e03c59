/**
 * Host names against the patterns of known_hosts and of certificate principals: match_pattern() and match_hostname() of OpenSSH's match.c.
 */

/** OpenSSH gives up on a list with a longer item (match_pattern_list). */
const MAX_ITEM = 1022;

/** `*` is any text, `?` any one character. Takes time proportional to the product of the lengths at worst. */
export function matchesPattern(name: string, pattern: string): boolean {
  let n = 0;
  let p = 0;
  let afterStar = -1;
  let retryAt = 0;
  while (n < name.length) {
    if (pattern[p] === "*") {
      afterStar = ++p;
      retryAt = n;
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === name[n])) {
      p++;
      n++;
    } else if (afterStar >= 0) {
      p = afterStar;
      n = ++retryAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** @param items the patterns of a list, in lower case; one behind a `!` that matches excludes the name */
export function matchesHostList(name: string, items: readonly string[]): boolean {
  const lower = name.toLowerCase();
  let matched = false;
  for (const item of items) {
    const negated = item.startsWith("!");
    if (item.length > MAX_ITEM) return false;
    if (!matchesPattern(lower, negated ? item.slice(1) : item)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** What no host is called: pattern characters, separators, and what OpenSSH never writes to known_hosts (check_host_key). */
const notInNames = /[\s\p{C}*?!,@#|[\]'"\\]/u;

/** True for a name that stands for itself. */
export function isLiteralName(name: string): boolean {
  return name.length > 0 && name.length <= 255 && !notInNames.test(name);
}

/** The three results of matching. */

import type { Rule } from "../policy.ts";
import type { ListMatch } from "./pattern.ts";

/**
 * "unsaid" where nobody can say it: the rule names what is not known of the request, as the host of a login
 * whose destination is not verified.
 */
export type Match = "yes" | "no" | "unsaid";

export function said(matches: boolean): Match {
  return matches ? "yes" : "no";
}

/** To allow, what can't be said to match does not. */
export function closed({ action }: Rule, match: Match): Match {
  return match === "unsaid" && action === "allow" ? "no" : match;
}

/**
 * Where one thing has several names (a host its aliases, a process its ancestors, a key its comment): to
 * allow, none of them may be excluded by a `!`; to deny or ask, one that matches is enough. Either way it is
 * the stricter reading.
 */
export function anyMatches({ action }: Rule, matches: readonly ListMatch[]): Match {
  return said(matches.includes("yes") && !(action === "allow" && matches.includes("negated")));
}

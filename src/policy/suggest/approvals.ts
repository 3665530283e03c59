/** How often a person approved what a rule could, by the log. */
import { exactRule, ruleKey } from "../exact-rule.ts";
import { type Logged, questionsOf } from "./suggest.ts";

/** By the key of the rule that "always" would have written. */
export function approvalsIn(log: readonly Logged[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { request, caller } of questionsOf(log)) {
    const rule = caller && exactRule(request, caller);
    if (!rule) continue;
    const key = ruleKey(rule);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

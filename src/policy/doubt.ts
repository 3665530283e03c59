/** A rule of which nobody can say whether it matches: which one, and what it names that is not known. */
import { unsaidFields } from "./match/match.ts";
import type { Rule } from "./policy.ts";
import type { Caller, Request } from "./request.ts";

export interface Doubt {
  /** The rule's name. */
  rule: string;
  /** What the rule would do. */
  action: "deny" | "ask";
  /** The fields that can't be said, with what the rule names there: `{ host: "prod,prod-*" }`. */
  unknown: Record<string, string>;
}

/** @param rule one that denies or asks, and can't be said to match */
export function doubtAbout(rule: Rule, request: Request, caller: Caller): Doubt {
  const { name, action } = rule;
  const unknown = unsaidFields(rule, request, caller);
  return {
    rule: name,
    action: action === "deny" ? "deny" : "ask",
    unknown: Object.fromEntries(unknown.map((field) => [field, String(rule[field])])),
  };
}

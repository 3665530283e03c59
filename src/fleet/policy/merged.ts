/** A machine's own policy and what its fleet says, as one. */
import type { Policy, Rule } from "../../policy/policy.ts";
import type { RevokeStatement } from "./entry.ts";

/** Behind the name of a rule that allows no more. */
const RUN_OUT = " (run out)";

/** What holds of a fleet, as it was verified. */
export interface FleetRules {
  /** Before all else. */
  revoked: readonly Rule[];
  rules: readonly Rule[];
  /** It has run out, so that what it allows is asked. */
  isExpired: boolean;
  /** What was kept of it can't be verified any more, so that what is allowed is asked. */
  isDoubtful: boolean;
}

export function revokedRule({ what, name }: RevokeStatement, machine: string): Rule | undefined {
  const rule = { name: `fleet: ${what} ${name} is revoked`, action: "deny" } as const;
  if (what === "key") return { ...rule, key: name };
  if (what === "host") return { ...rule, host: name };
  return name === machine ? rule : undefined; // all of it
}

/**
 * With `after`, what a fleet denies comes first as well: nobody overrules that on a machine.
 */
export function mergePolicy(own: Policy, fleet: FleetRules, place: "before" | "after"): Policy {
  const { revoked, rules, isExpired, isDoubtful } = fleet;
  const theirs = isExpired ? rules.map(asked) : rules;
  const denies = theirs.filter(({ action }) => action === "deny");
  const others = theirs.filter(({ action }) => action !== "deny");
  const all =
    place === "before"
      ? [...revoked, ...theirs, ...own.rules]
      : [...revoked, ...denies, ...own.rules, ...others];
  return { ...own, rules: all, ...(isDoubtful && { isUnverified: true }) };
}

function asked(rule: Rule): Rule {
  return rule.action === "allow" ? { ...rule, action: "ask", name: `${rule.name}${RUN_OUT}` } : rule;
}

/** Whether a rule has this name, be it as one that has run out. */
export function isCalled({ name }: Rule, wanted: string): boolean {
  return wanted === name || wanted === `${name}${RUN_OUT}`;
}

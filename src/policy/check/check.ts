/**
 * What a policy says that its author can hardly mean: rules that can never match, and fields that say nothing.
 * And what becomes of requests of which can't be said whether a rule matches.
 */
import type { Policy, Rule } from "../policy.ts";
import { checkFields } from "./fields.ts";
import { checkOrder } from "./order.ts";
import type { Remark } from "./remark.ts";

export function checkPolicy(policy: Pick<Policy, "rules" | "default">): Remark[] {
  const { rules } = policy;
  const named = new Map([...rules.entries()].reverse().map(([at, { name }]) => [name, at]));
  const allowing = allowingBehind(rules);
  return rules.flatMap((rule, at) => [
    ...checkRule(rules, at),
    ...checkName(rule, at, named),
    ...noteDoubt(policy, at, allowing[at]),
  ]);
}

/** Rules that answers wrote: they do no more than allow what is asked about. */
export function checkApproved(rules: readonly Rule[]): Remark[] {
  return rules.flatMap(({ action }, at) => {
    const text = `"${action}" does nothing but keep the rules behind it from answering: they can't overrule a question`;
    const odd: Remark[] = action === "allow" ? [] : [{ kind: "warning", rule: at, field: "action", text }];
    return [...checkRule(rules, at), ...odd];
  });
}

function checkRule(rules: readonly Rule[], at: number): Remark[] {
  const fields = checkFields(rules[at] as Rule);
  return [
    ...fields.map((found): Remark => ({ kind: "warning", rule: at, ...found })),
    ...checkOrder(rules, at),
  ];
}

/** The log and each denial name a rule by it, and so do commands. */
function checkName({ name }: Rule, at: number, first: ReadonlyMap<string, number>): Remark[] {
  const earlier = first.get(name);
  if (earlier === undefined || earlier === at) return [];
  const text = `"${name}" is the name of an earlier rule: the log can't tell them apart`;
  return [{ kind: "warning", rule: at, field: "name", text, other: earlier }];
}

/** Of each rule, the next one that allows. */
function allowingBehind(rules: readonly Rule[]): (Rule | undefined)[] {
  let next: Rule | undefined;
  const behind = rules.toReversed().map((rule) => {
    const found = next;
    if (rule.action === "allow") next = rule;
    return found;
  });
  return behind.reverse();
}

const ofGit = "what git says of its repository is claimed, and any signature for git";

/** What happens where nobody can say whether a rule that denies or asks is meant: by host, or by repository. */
function noteDoubt(
  { rules, default: fallback }: Pick<Policy, "rules" | "default">,
  at: number,
  later: Rule | undefined,
): Remark[] {
  const rule = rules[at] as Rule;
  const field = (["host", "host_key", "port", "repository", "branch"] as const).find(
    (one) => rule[one] !== undefined,
  );
  if (field === undefined || rule.action === "allow" || rule.verified !== undefined) return [];
  const allowing = later ? `rule "${later.name}"` : fallback === "allow" ? "the default" : undefined;
  const which = field === "repository" || field === "branch" ? ofGit : "a destination that can't be verified";
  const could = `${which} could be this one: it is`;
  const what =
    allowing === undefined
      ? `${could} asked about or denied, as what comes later says`
      : `${could} asked about where ${allowing} would allow it`;
  return [{ kind: "note", rule: at, field, text: what }];
}

/** Why a policy says what it says of a request: what came of each rule, by the matcher that decides. */
import { evaluate, type Ruling } from "../evaluate.ts";
import { listRuling } from "../listing.ts";
import { type FieldMatch, matchFields, matchRule } from "../match/match.ts";
import type { Match } from "../match/result.ts";
import type { Policy, Rule } from "../policy.ts";
import type { Caller, Request } from "../request.ts";

export interface RuleAccount {
  rule: Rule;
  match: Match;
  /** Of what the rule names. */
  fields: FieldMatch[];
  /** Whether no rule before it has matched. */
  isReached: boolean;
}

export interface Explained {
  ruling: Ruling;
  rules: RuleAccount[];
  /** Of rules that answers wrote: they count where the ruling would ask. */
  approved: RuleAccount[];
}

export function explain(policy: Policy, request: Request, caller: Caller): Explained {
  const account = (rules: readonly Rule[]): RuleAccount[] => accounts(rules, request, caller);
  return {
    ruling: rulingOn(policy, request, caller),
    rules: account(policy.rules),
    approved: account(policy.approved),
  };
}

/** What becomes of it: of a key that is listed, as the list does it. */
export function rulingOn(policy: Policy, request: Request, caller: Caller): Ruling {
  const { kind, key, destination, path, forwarded } = request;
  if (kind !== "list" || !key) return evaluate(policy, request, caller);
  return listRuling(policy, key, caller, { path, forwarded, ...(destination && { destination }) });
}

function accounts(rules: readonly Rule[], request: Request, caller: Caller): RuleAccount[] {
  let isReached = true;
  return rules.map((rule) => {
    const account = {
      ...{ rule, isReached },
      match: matchRule(rule, request, caller),
      fields: matchFields(rule, request, caller),
    };
    if (account.match === "yes") isReached = false;
    return account;
  });
}

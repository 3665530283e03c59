/**
 * Which keys an agent's list shows to whom. Rules on lists (`on = ["list"]`) come first, key by key. Where
 * none speaks of a key, it is shown if the rules could let this caller sign with it.
 */
import { evaluate, type Ruling } from "./evaluate.ts";
import { meetRules } from "./lookup/rules.ts";
import { settledYet } from "./match/match.ts";
import type { Policy } from "./policy.ts";
import type { Caller, KeyFacts, Request, Whereabouts } from "./request.ts";

/** Where the connection leads that the list is for; without a destination where nothing is known of it yet. */
export interface ListedFor extends Omit<Whereabouts, "user"> {
  /** For one that may have SSHSIG signatures alone, whatever the rules on lists say. */
  signsOnly?: true;
}

/**
 * What becomes of a key. "ask": it is shown if a person allows the list. Who asks that decides about a request
 * of the kind "list" without a key.
 */
export function listRuling(policy: Policy, key: KeyFacts, caller: Caller, where: ListedFor): Ruling {
  const { signsOnly, ...place } = where;
  const ruling = evaluate(policy, { kind: "list", key, ...place }, caller);
  if (ruling.by !== "default" && (!signsOnly || couldSign(policy, key, caller, where))) return ruling;
  return { action: couldSign(policy, key, caller, where) ? "allow" : "deny", by: "default" };
}

/**
 * Whether the rules could let the caller sign with this key: at once, or after a question. With a destination
 * it is about logins there, otherwise about any signature at all. What is not known yet, as the user to log in
 * as, counts for what allows and asks, and not for what denies.
 */
export function couldSign(policy: Policy, key: KeyFacts, caller: Caller, where: ListedFor): boolean {
  const { signsOnly, ...place } = where;
  const data = signsOnly ? "sshsig" : place.destination && "userauth";
  const request: Request = { kind: "sign", key, ...(data && { data }), ...place };
  let could = policy.default !== "deny";
  meetRules(policy.rules, request, caller, settledYet, ({ action }, match) => {
    const isSaid = action !== "deny" || match === "yes";
    if (isSaid) could = action !== "deny";
    return isSaid;
  });
  return could;
}

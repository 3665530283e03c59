/**
 * The policy's answer to a request: the first rule that matches, or the default. A rule before it that would
 * deny or ask, and of which nobody can say whether it matches, turns an allow into a question.
 */
import { type Doubt, doubtAbout } from "./doubt.ts";
import { meetRules } from "./lookup/rules.ts";
import { settled } from "./match/match.ts";
import type { Policy, Rule } from "./policy.ts";
import { type Caller, isTrust, type Request } from "./request.ts";

export type Ruling = AllowRuling | { action: "deny"; by: DecidedBy } | AskRuling;

interface AllowRuling {
  action: "allow";
  by: DecidedBy;
  /** Of an approved rule: what would have asked. */
  answers?: DecidedBy;
}

export interface AskRuling {
  action: "ask";
  by: DecidedBy;
  /**
   * The longest that an approval may be remembered, in milliseconds; 0 is never, undefined as long as the
   * user likes.
   */
  remember: number | undefined;
  /** In milliseconds; undefined for what config.toml says. */
  timeout: number | undefined;
  /** The kinds of approver that may answer; undefined for all. */
  approvers: readonly string[] | undefined;
  /** Who has to sign a yes; undefined where anybody may answer as he is asked. */
  persons?: Persons;
  /** The rule that may be about this, where that can't be said. An answer then stands for nothing else. */
  doubt?: Doubt;
}

/** Of a fleet: each says yes by a signature. */
export interface Persons {
  /** So many of them. */
  wanted: number;
  /** Of each list a principal that each of them is; none where any signer of the file will do. */
  signers: readonly (readonly string[])[];
}

/** What decided, as the log names it. */
export type DecidedBy =
  | "default"
  | `rule:${string}`
  | `grant:${string}`
  | `approver:${string}`
  | `fault:${string}`
  | `broken:${string}`
  | `unverified:${string}`;

export function evaluate(policy: Policy, request: Request, caller: Caller): Ruling {
  const ruling = rulingBy(policy, request, caller);
  const { isBroken, isUnverified } = policy;
  if ((!isBroken && !isUnverified) || ruling.action !== "allow" || request.kind === "list") return ruling;
  return { ...askedFreely, by: `${isBroken ? "broken" : "unverified"}:${ruling.by}` };
}

function rulingBy(policy: Policy, request: Request, caller: Caller): Ruling {
  const { matching, doubtful } = firstOf(policy.rules, request, caller);
  const decided = matching ? rulingOf(matching) : defaultRuling(defaultFor(policy, request));
  const [first] = doubtful;
  if (decided.action === "deny" || !first) return answered(policy, decided, request, caller);
  const denying = doubtful.find(({ action }) => action === "deny");
  const doubt = doubtAbout(denying ?? first, request, caller);
  const asking = doubtful.filter(({ action }) => action === "ask").map(askRuling);
  const asked = decided.action === "ask" ? [decided, ...asking] : asking;
  const by: DecidedBy = decided.action === "ask" ? decided.by : `rule:${doubt.rule}`;
  const ruling = strictest(asked, by);
  if (denying) return { ...ruling, remember: 0, doubt };
  return answered(policy, decided.action === "ask" ? ruling : { ...ruling, doubt }, request, caller);
}

/** An approved rule answers a question, but none that is to be asked each time. */
function answered(policy: Policy, ruling: Ruling, request: Request, caller: Caller): Ruling {
  // nor one that several persons have to answer: one alone may have written it
  if (ruling.action !== "ask" || ruling.remember === 0 || ruling.persons) return ruling;
  const approved = firstOf(policy.approved, request, caller).matching;
  if (approved?.action !== "allow") return ruling;
  return { action: "allow", by: `rule:${approved.name}`, ...(!ruling.doubt && { answers: ruling.by }) };
}

/** What is asked about for several reasons is asked about in the strictest way of them. */
function strictest(rulings: readonly AskRuling[], by: DecidedBy): AskRuling {
  const least = (values: (number | undefined)[]): number | undefined => {
    const given = values.filter((value) => value !== undefined);
    return given.length === 0 ? undefined : Math.min(...given);
  };
  const lists = rulings.map(({ approvers }) => approvers).filter((list) => list !== undefined);
  const common = lists[0]?.filter((kind) => lists.every((list) => list.includes(kind)));
  const persons = rulings.map((one) => one.persons).filter((one) => one !== undefined);
  return {
    action: "ask",
    by,
    ...(persons.length > 0 && { persons: allOf(persons) }),
    remember: least(rulings.map(({ remember }) => remember)),
    timeout: least(rulings.map(({ timeout }) => timeout)),
    approvers: common,
  };
}

function allOf(persons: readonly Persons[]): Persons {
  const wanted = Math.max(...persons.map((one) => one.wanted));
  return { wanted, signers: persons.flatMap(({ signers }) => signers) };
}

/** The first rule that matches, and those before it that may. */
function firstOf(
  rules: readonly Rule[],
  request: Request,
  caller: Caller,
): { matching: Rule | undefined; doubtful: Rule[] } {
  let matching: Rule | undefined;
  const doubtful: Rule[] = [];
  meetRules(rules, request, caller, settled, (rule, match) => {
    if (match === "yes") matching = rule;
    else doubtful.push(rule);
    return match === "yes";
  });
  return { matching, doubtful };
}

function defaultFor({ default: action }: Policy, request: Request): Policy["default"] {
  if (request.kind === "list") return "allow"; // what it shows is another matter: listing.ts
  return action === "allow" && isTrust(request.operation) ? "ask" : action;
}

function rulingOf(rule: Rule): Ruling {
  return rule.action === "ask" ? askRuling(rule) : { action: rule.action, by: `rule:${rule.name}` };
}

function askRuling({ name, remember, timeout, approver, approvals = 1, signers }: Rule): AskRuling {
  const longest = remember === "never" ? 0 : remember;
  const asked = { action: "ask", by: `rule:${name}`, remember: longest, timeout } as const;
  if (approvals === 1 && !signers) return { ...asked, approvers: approver };
  const approvers = approver ? approver.filter((kind) => kind === "fleet") : ["fleet"];
  return { ...asked, approvers, persons: { wanted: approvals, signers: signers ? [signers] : [] } };
}

function defaultRuling(action: Policy["default"]): Ruling {
  if (action !== "ask") return { action, by: "default" };
  return { ...askedFreely, by: "default" };
}

const askedFreely = { action: "ask", remember: undefined, timeout: undefined, approvers: undefined } as const;

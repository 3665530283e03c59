/** A request that is about to be asked about: the question that is made of it, and what is alike. */
import { coverage, whoAsks } from "../../policy/coverage.ts";
import type { AskRuling } from "../../policy/evaluate.ts";
import { formatRule, ruleKey } from "../../policy/exact-rule.ts";
import type { Lasting } from "../../policy/grants.ts";
import type { Rule } from "../../policy/policy.ts";
import type { Question } from "../../policy/question.ts";
import type { Caller, Request } from "../../policy/request.ts";
import type { Asking } from "./asking.ts";
import { choicesOf, plainYes } from "./choices.ts";
import type { Scope } from "./scope.ts";
import type { Asker } from "./verdict.ts";

export interface Asked {
  id: string;
  request: Request;
  caller: Caller;
  /** What an approval would cover; undefined where none is remembered. */
  covered: string | undefined;
  ruling: AskRuling;
  asker: Asker;
  lasting: Lasting | undefined;
  sessionIsOver: (() => boolean) | undefined;
  /** Why it is asked for, as the program says. Claimed. */
  why?: string | undefined;
  /** What "always" would write. */
  rule: Rule | undefined;
}

export interface Settings {
  /** How long an approval is remembered if nothing else is said, in milliseconds. */
  remember: number;
  /** After how long no answer is a denial, in milliseconds. */
  timeout: number;
  /** What a plain yes means, where an approver has just yes and no. */
  yes: "once" | "remember" | "lasting";
  /** The longest that "while this lasts" may be, in milliseconds. */
  longest: number;
  /** After how many approvals of the same a question shows the rule that "always" writes. */
  offerAfter: number;
}

const MAX_COUNTED = 4096;

/** How often a person approved what a rule could. */
export class ApprovalCounts {
  /** By the rule that "always" would write: it is the same in the next run. */
  readonly #counts = new Map<string, { count: number; last: object }>();
  readonly #before: (key: string) => number;

  /** @param before how often that was before this guard began */
  constructor(before: (key: string) => number = () => 0) {
    this.#before = before;
  }

  /** @param outcome of the question: those who waited for the same answer were approved once */
  add(rule: Rule | undefined, outcome: object): void {
    if (!rule) return;
    const key = ruleKey(rule);
    const known = this.#counts.get(key);
    if (known?.last === outcome || (!known && this.#counts.size >= MAX_COUNTED)) return;
    this.#counts.set(key, { count: (known?.count ?? 0) + 1, last: outcome });
  }

  of(rule: Rule): number {
    const key = ruleKey(rule);
    return this.#before(key) + (this.#counts.get(key)?.count ?? 0);
  }
}

export function makeQuestion(
  { id, request, caller, covered, ruling, rule, lasting, sessionIsOver, why }: Asked,
  { run, endsWithCommand }: Scope,
  settings: Settings,
  counts: ApprovalCounts,
  tip?: string,
): Question {
  const longest = covered === undefined ? 0 : ruling.remember;
  const choices = choicesOf(longest, settings.remember, {
    lasting: lasting !== undefined,
    run: run !== undefined && !ruling.persons,
    session: sessionIsOver !== undefined,
    always: rule !== undefined,
    time: !endsWithCommand,
  });
  return {
    id,
    request,
    caller,
    because: ruling.by,
    ...(ruling.persons && { persons: { ...ruling.persons, yes: [] } }),
    ...(why !== undefined && { why }),
    ...(ruling.doubt && { doubt: ruling.doubt }),
    count: 1,
    choices,
    ...(choices.includes("lasting") && lasting && { lasts: lasting.lasts }),
    ...(longest !== undefined && { longest }),
    yes: plainYes(choices, settings.yes),
    denyFor: settings.remember,
    ...(rule && ruleFacts(rule, settings, counts)),
    ...(tip !== undefined && { tip }),
    asked: new Date().toISOString(),
    timeout: ruling.timeout ?? settings.timeout,
  };
}

function ruleFacts(
  rule: Rule,
  { offerAfter }: Settings,
  counts: ApprovalCounts,
): Pick<Question, "rule" | "approvals"> {
  const approvals = counts.of(rule);
  return { rule: formatRule(rule), ...(approvals >= offerAfter && { approvals }) };
}

/**
 * By what questions are gathered, and counted. Those of other rules, or with other choices, stay apart; so
 * does what nobody proved.
 */
export function alikeness(
  { request, caller, covered }: Asked,
  question: Question,
  { run }: Scope,
): Pick<Asking, "alike" | "who"> {
  const who = whoAsks(caller, run?.id);
  if (covered === undefined || request.forwarded || !request.destination?.verified) return { who };
  const anywhere = { ...request, destination: { verified: true, names: [], how: "" } };
  const { because, why, choices, longest, timeout } = question;
  return {
    who,
    alike: JSON.stringify([coverage(anywhere, caller, run?.id), because, why, choices, longest, timeout]),
  };
}

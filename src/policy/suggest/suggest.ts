/**
 * Which rules would have answered what people were asked: the fewest and narrowest, of what the log proves.
 *
 * Each is the rule that "always" would have written, or several of these that differ in nothing but the hosts,
 * the commands or the branches: together they allow what they allow apart. What a person denied, none of them
 * lets through.
 */
import { describeProgram } from "../describe/caller.ts";
import { describeRequest, onHosts } from "../describe/request.ts";
import { evaluate } from "../evaluate.ts";
import { exactRule, formatRule } from "../exact-rule.ts";
import { NOBODY } from "../facts/process.ts";
import { matchRule } from "../match/match.ts";
import type { Policy, Rule } from "../policy.ts";
import type { Caller, Request } from "../request.ts";
import { merged, type Part } from "./merge.ts";

/** An entry of the log, as far as it can be read. */
export interface Logged {
  id: string;
  /** In milliseconds since 1970. */
  time: number;
  decision: "allow" | "deny";
  by: string;
  request: Request;
  /** Undefined where the log does not prove by which line of programs it was asked for. */
  caller: Caller | undefined;
}

export interface Suggestion {
  rule: Rule;
  /** The questions that it would have answered. */
  answers: Logged[];
  /** What it would also have let through, which was denied, though by no person. */
  also: Logged[];
}

export interface Suggested {
  /** How many questions people were asked, and allowed. */
  asked: number;
  /** The one that answers most first. */
  suggestions: Suggestion[];
}

/** The least questions that make a rule worth while: the first one has to be asked. */
const LEAST = 2;
/** Of what rules could answer: the rest is not worth one. */
const MOST_OF_ALL = 0.9;
const MOST_RULES = 20;
/** Nobody answers two questions so fast, in milliseconds: those waited for the same answer. */
const ONE_ANSWER = 100;

/** @param policy as it is now: what it answers by itself needs no rule */
export function suggest(policy: Policy, log: readonly Logged[]): Suggested {
  const approved = questionsOf(log);
  const denied = log.filter(({ by, decision }) => decision === "deny" && isPersons(by));
  const parts = [...exactParts(policy, approved)].filter(({ rule }) => !overrules(rule, denied));
  const rules = merged(parts, (rule) => !overrules(rule, denied)).map(named);
  const all = rules.map((rule) => judged(policy, rule, approved, log));
  return { asked: approved.length, suggestions: best(all) };
}

/** A remembered answer is a person's, and so is what follows from a no. */
function isPersons(by: string): boolean {
  return by.startsWith("approver:") || by.startsWith("grant:") || by === "fault:denied";
}

/** What was asked about and allowed, without what that answer covered. Several that waited for it are one. */
export function questionsOf(log: readonly Logged[]): Logged[] {
  const last = new Map<string, number>();
  return log.filter(({ by, time, request, decision }) => {
    if (decision !== "allow" || !by.startsWith("approver:")) return false;
    const what = describeRequest(request);
    const before = last.get(what);
    last.set(what, time);
    return before === undefined || Math.abs(time - before) > ONE_ANSWER;
  });
}

/** The rules that "always" would have written, each once. */
function exactParts(policy: Policy, approved: readonly Logged[]): Iterable<Part> {
  const parts = new Map<string, Part>();
  for (const { request, caller } of approved) {
    const rule = caller && isFree(policy, request, caller) ? exactRule(request, caller) : undefined;
    if (!rule || !caller) continue;
    const key = formatRule(rule).join("\n");
    const { count } = parts.get(key) ?? { count: 0 };
    parts.set(key, { rule, request, caller, count: count + 1 });
  }
  return parts.values();
}

/** Whether it is asked about still, and an answer may stand for ever. */
function isFree(policy: Policy, request: Request, caller: Caller): boolean {
  const ruling = evaluate(policy, request, caller);
  return ruling.action === "ask" && ruling.remember === undefined;
}

function overrules(rule: Rule, denied: readonly Logged[]): boolean {
  return denied.some(({ request, caller }) => {
    // who it was is not known: it may have been the same
    const { programs: _, scope: __, container: ___, ...anybody } = rule;
    return matchRule(caller ? rule : anybody, request, caller ?? NOBODY) === "yes";
  });
}

function named({ rule, request, caller, hosts = 1, others = 0 }: Part): Rule {
  const asked = hosts > 1 ? onHosts(request, hosts) : request;
  const more = others === 0 ? "" : `, and ${others} more like it`;
  const name = `always: ${describeProgram(caller)}: ${describeRequest(asked)}${more}`.replaceAll('"', "'");
  return { ...rule, name };
}

function judged(policy: Policy, rule: Rule, approved: readonly Logged[], log: readonly Logged[]): Suggestion {
  const after: Policy = { ...policy, approved: [...policy.approved, rule] };
  const isNew = ({ request, caller }: Logged): boolean =>
    caller !== undefined &&
    evaluate(policy, request, caller).action !== "allow" &&
    evaluate(after, request, caller).action === "allow";
  return {
    rule,
    answers: approved.filter(isNew),
    also: log.filter((entry) => entry.decision === "deny" && isNew(entry)),
  };
}

function best(all: readonly Suggestion[]): Suggestion[] {
  const useful = all.filter(({ answers }) => answers.length >= LEAST);
  const sorted = useful.sort((one, other) => other.answers.length - one.answers.length);
  const total = sorted.reduce((sum, { answers }) => sum + answers.length, 0);
  let covered = 0;
  const chosen = sorted.filter(({ answers }) => {
    const isNeeded = covered < total * MOST_OF_ALL;
    covered += answers.length;
    return isNeeded;
  });
  return chosen.slice(0, MOST_RULES);
}

/** In one line; undefined where nothing would help. */
export function describeSuggested({ asked, suggestions }: Suggested): string | undefined {
  const answered = suggestions.reduce((sum, { answers }) => sum + answers.length, 0);
  if (answered === 0) return undefined;
  const rules = suggestions.length === 1 ? "one rule" : `${suggestions.length} rules`;
  return `muxguard suggest: ${rules} would have answered ${answered} of your last ${asked} questions`;
}

/**
 * Whether a rule matches: every field that it names must. What is not known of a request can't be said to
 * match, nor not to: a rule that allows does not match then, and for one that denies or asks it stays open.
 *
 * Each field has its row in a table. Who wants to know why a rule did not match reads the same table.
 */

import type { Rule } from "../policy.ts";
import type { Caller, Request } from "../request.ts";
import { matchKey, matchKind, matchNamespace, matchOperation, matchUser } from "./asked.ts";
import { matchContainer, matchPrograms, matchScope, matchStarters } from "./caller.ts";
import {
  matchAgentForwarding,
  matchCommand,
  matchConnect,
  matchEnvironment,
  matchForwardKind,
  matchListen,
  matchSubsystem,
  matchTty,
  matchX11,
  ofForwards,
  ofSessions,
} from "./connection.ts";
import { matchForwarded, matchHost, matchHostKey, matchPort, matchVerified } from "./destination.ts";
import { matchBranch, matchRepository } from "./git.ts";
import { closed, type Match } from "./result.ts";

type Field = keyof Rule;
type Check = (rule: Rule, request: Request, caller: Caller) => Match;

interface Row {
  field: Field;
  /** "yes" for a rule that does not name the field, but for what such a rule leaves out. */
  check: Check;
  /** Of a request that is yet to come: whether what can't be said of it stays so. */
  isSettled(request: Request): boolean;
}

function row(field: Field, check: Check, isSettled = (_: Request): boolean => false): Row {
  return { field, check, isSettled };
}

const always = (): boolean => true;
const whereKnown = ({ destination }: Request): boolean => destination !== undefined;

/** Of a request. */
const asked: readonly Row[] = [
  row("operation", matchOperation),
  row("forwarded", matchForwarded),
  row("host", matchHost, whereKnown),
  row("port", matchPort, whereKnown),
  row("host_key", matchHostKey, whereKnown),
  row("verified", matchVerified),
  row("user", matchUser),
  row("key", matchKey),
  row("namespace", matchNamespace),
  row("repository", matchRepository),
  row("branch", matchBranch),
  row("command", ofSessions("command", matchCommand)),
  row("subsystem", ofSessions("subsystem", matchSubsystem)),
  row("tty", ofSessions("tty", matchTty)),
  row("x11", ofSessions("x11", matchX11)),
  row("forward_agent", ofSessions("forward_agent", matchAgentForwarding)),
  row("environment", ofSessions("environment", matchEnvironment)),
  row("forward", ofForwards("forward", matchForwardKind)),
  row("listen", ofForwards("listen", matchListen)),
  row("connect", ofForwards("connect", matchConnect)),
];

/** Of who asks; the last takes longest. */
const asking: readonly Row[] = [
  row("container", matchContainer, always),
  row("scope", matchScope, always),
  row("caller", matchStarters, always),
  row("programs", matchPrograms, always),
];

const rows: readonly Row[] = [row("on", matchKind), ...asked, ...asking];

/**
 * What a program asks a person about in words that can't be read may be anything. To deny or ask, that is enough
 * for a rule that names the kind; to allow, the rule must not name more than that and who asks.
 */
const opaque: readonly Row[] = [
  row("on", (rule, request) => (isUnnamed(rule) ? "no" : matchKind(rule, request))),
  ...[...asked.map(({ field }) => field), "programs" as const].map((field) => row(field, matchNarrow(field))),
  ...asking,
];

function isUnnamed({ action, on }: Rule): boolean {
  return action === "allow" && on === undefined;
}

function matchNarrow(field: Field): Check {
  return (rule) => {
    if (rule[field] === undefined) return "yes";
    if (rule.action === "allow") return "no";
    return rule.on === undefined ? "unsaid" : "yes";
  };
}

function rowsFor({ kind, data }: Request): readonly Row[] {
  return kind === "confirm" && data === "opaque" ? opaque : rows;
}

export function matchRule(rule: Rule, request: Request, caller: Caller): Match {
  return matchRows(rule, request, caller, always);
}

/**
 * The same for a request that is yet to come, of which some is known: what it may be stays open for a rule
 * that allows, too.
 */
export function mayMatch(rule: Rule, request: Request, caller: Caller): Match {
  return matchRows(rule, request, caller, ({ isSettled }) => isSettled(request));
}

function matchRows(rule: Rule, request: Request, caller: Caller, isSettled: (row: Row) => boolean): Match {
  let result: Match = "yes";
  for (const one of rowsFor(request)) {
    const match = one.check(rule, request, caller);
    if (match === "no") return "no";
    if (match === "unsaid" && closed(rule, match) === "no" && isSettled(one)) return "no";
    if (match === "unsaid") result = "unsaid";
  }
  return result;
}

/** What came of a field. */
export interface FieldMatch {
  field: Field;
  match: Match;
}

/** What came of each field that the rule names, and of those that keep it from matching without being named. */
export function matchFields(rule: Rule, request: Request, caller: Caller): FieldMatch[] {
  const all = rowsFor(request).map(({ field, check }) => ({ field, match: check(rule, request, caller) }));
  return all.filter(({ field, match }) => rule[field] !== undefined || match !== "yes");
}

/**
 * Whether a rule matches: every field that it names must. What is not known of a request can't be said to
 * match, nor not to: a rule that allows does not match then, and for one that denies or asks it stays open.
 *
 * Each field has its row in a table. Who wants to know why a rule did not match reads the same table. Who
 * decides looks up which rules may match at all (lookup/), and reads the rows that these need.
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

export interface Row {
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

/**
 * The rows that a rule needs for requests of the kinds that it is about: to these, the others are "yes". What a
 * rule that allows leaves out says something as well.
 */
export function rowsOf(rule: Rule): readonly Row[] {
  const { action, command, subsystem } = rule;
  const isNarrow = command !== undefined || subsystem !== undefined;
  const left: readonly Field[] = isNarrow ? ["operation", "x11", "forward_agent"] : ["operation"];
  return [...asked, ...asking].filter(
    ({ field }) => rule[field] !== undefined || (action === "allow" && left.includes(field)),
  );
}

/** The row of a field. */
export function rowOf(field: Field): Row {
  return rows.find((one) => one.field === field) as Row;
}

function rowsFor(request: Request): readonly Row[] {
  return isOpaque(request) ? opaque : rows;
}

/** A question in words that can't be read. */
export function isOpaque({ kind, data }: Request): boolean {
  return kind === "confirm" && data === "opaque";
}

/** @param isSettled whether what can't be said stays so: to allow, it is a no then */
export type Settled = (row: Row, request: Request) => boolean;

/** Of the request that is decided. */
export const settled: Settled = always;

/**
 * Of a request that is yet to come, of which some is known: what it may be stays open for a rule that allows,
 * too.
 */
export const settledYet: Settled = ({ isSettled }, request) => isSettled(request);

export function matchRule(rule: Rule, request: Request, caller: Caller, isSettled = settled): Match {
  return matchRows(rowsFor(request), rule, request, caller, isSettled);
}

export function matchRows(
  all: readonly Row[],
  rule: Rule,
  request: Request,
  caller: Caller,
  isSettled: Settled,
): Match {
  let result: Match = "yes";
  for (const one of all) {
    const match = one.check(rule, request, caller);
    if (match === "no") return "no";
    if (match === "unsaid" && closed(rule, match) === "no" && isSettled(one, request)) return "no";
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

/** The fields of a rule that can't be said to match, nor not to. */
export function unsaidFields(rule: Rule, request: Request, caller: Caller): Field[] {
  const named = rowsFor(request).filter(({ field }) => rule[field] !== undefined);
  return named.filter(({ check }) => check(rule, request, caller) === "unsaid").map(({ field }) => field);
}

/**
 * The rules that a request meets, in their order. Each rule is filed under one field, the one that tells it
 * from most others; those without such a field are looked at each time. What is found is matched as ever.
 */
import { forwardFields, sessionFields } from "../match/connection.ts";
import { isOpaque, matchRows, matchRule, type Row, rowOf, rowsOf, type Settled } from "../match/match.ts";
import { wildcardOf } from "../match/pattern.ts";
import type { Match } from "../match/result.ts";
import type { Rule } from "../policy.ts";
import { type Caller, type Request, type RequestKind, requestKinds } from "../request.ts";
import { type By, fieldsToLookUp, type Sought } from "./by.ts";
import { Merged } from "./sorted.ts";
import { type Places, partKey, Texts } from "./texts.ts";

const known = new WeakMap<readonly Rule[], RuleIndex>();

/**
 * Takes those that match or may, in their order. The list of rules must not change.
 * @param isEnough whether to stop here
 */
export function meetRules(
  rules: readonly Rule[],
  request: Request,
  caller: Caller,
  isSettled: Settled,
  isEnough: (rule: Rule, match: Exclude<Match, "no">) => boolean,
): void {
  if (rules.length === 0) return;
  indexOf(rules).meet(request, caller, isSettled, isEnough);
}

/**
 * The places of rules that may be about all that a rule is about, in order: what they name, it names as well,
 * and that or something within it.
 */
export function* placesAround(rules: readonly Rule[], rule: Rule): Generator<number> {
  const places = new Merged(indexOf(rules).around(rule));
  for (let place = places.next(); place !== undefined; place = places.next()) yield place;
}

function indexOf(rules: readonly Rule[]): RuleIndex {
  const index = known.get(rules) ?? new RuleIndex(rules);
  known.set(rules, index);
  return index;
}

interface FiledRule {
  rule: Rule;
  /** A bit for each kind of request that it may be about. */
  kinds: number;
  rows?: readonly Row[];
}

/** So many rules are looked at faster than looked up. */
const FEW = 16;

/** Rules that are filed under a field. */
class File {
  readonly by: By;
  readonly row: Row;
  readonly texts = new Texts();
  readonly all: number[] = [];
  /** Those that deny or ask, and of them those with a wildcard. */
  readonly strict: number[] = [];
  readonly wild: number[] = [];

  constructor(by: By) {
    this.by = by;
    this.row = rowOf(by.field);
  }

  add(rule: Rule, patterns: readonly string[], place: number): void {
    for (const pattern of patterns) this.texts.add(pattern, place);
    this.all.push(place);
    if (rule.action === "allow") return;
    this.strict.push(place);
    if (patterns.some((pattern) => wildcardOf(pattern) >= 0)) this.wild.push(place);
  }

  find({ texts, unread, open }: Sought, isSettled: boolean, found: Places[]): void {
    if (open === "all" && !isSettled) {
      found.push(this.all);
      return;
    }
    if (open !== undefined) found.push(open === "all" ? this.strict : this.wild);
    for (const text of texts) this.texts.find(text, found);
    if (unread) this.texts.findAmong((text) => unread.has(text), found);
  }
}

class RuleIndex {
  readonly #rules: FiledRule[];
  readonly #files: readonly File[];
  /** Those that are filed nowhere. */
  readonly #others: Places;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((rule) => ({ rule, kinds: kindsOf(rule) }));
    const files = new Map(fieldsToLookUp.map((by) => [by, new File(by)]));
    const others: number[] = [];
    const filed = rules.length > FEW ? filing(rules) : [];
    for (const [place, rule] of rules.entries()) {
      const best = filed[place];
      if (best) files.get(best.by)?.add(rule, best.patterns, place);
      else others.push(place);
    }
    this.#files = [...files.values()].filter(({ all }) => all.length > 0);
    this.#others = others;
  }

  meet(
    request: Request,
    caller: Caller,
    isSettled: Settled,
    isEnough: Parameters<typeof meetRules>[4],
  ): void {
    if (isOpaque(request)) {
      for (const { rule } of this.#rules) {
        const match = matchRule(rule, request, caller, isSettled);
        if (match !== "no" && isEnough(rule, match)) return;
      }
      return;
    }
    const kind = bitOf(request.kind);
    const places = new Merged(this.#found(request, caller, isSettled));
    for (let place = places.next(); place !== undefined; place = places.next()) {
      const filed = this.#rules[place] as FiledRule;
      if (!(filed.kinds & kind)) continue;
      const { rule } = filed;
      filed.rows ??= rowsOf(rule);
      const match = matchRows(filed.rows, rule, request, caller, isSettled);
      if (match !== "no" && isEnough(rule, match)) return;
    }
  }

  /** Lists of places, each in order. */
  around(rule: Rule): Places[] {
    const found: Places[] = [this.#others];
    for (const { by, texts, all } of this.#files) {
      if (rule[by.field] === undefined) continue;
      const [first] = by.patterns(rule);
      if (first === undefined) found.push(all);
      // of a program that is named by its path, its name
      else for (const text of [first, first.slice(first.lastIndexOf("/") + 1)]) texts.find(text, found);
    }
    return found;
  }

  /** The same, of those that a request may meet. */
  #found(request: Request, caller: Caller, isSettled: Settled): Places[] {
    const found: Places[] = [this.#others];
    for (const file of this.#files)
      file.find(file.by.sought(request, caller), isSettled(file.row, request), found);
    return found;
  }
}

interface Filing {
  by: By;
  patterns: readonly string[];
}

/** Of each rule, where it is filed: where its patterns are those of the fewest rules. */
function filing(rules: readonly Rule[]): (Filing | undefined)[] {
  const ways = rules.map(waysToFile);
  const counts = new Map<By, Map<string, number>>(fieldsToLookUp.map((by) => [by, new Map()]));
  for (const { by, keys } of ways.flat()) {
    const count = counts.get(by);
    for (const key of keys) count?.set(key, (count.get(key) ?? 0) + 1);
  }
  const crowd = ({ by, keys }: Way): number =>
    keys.reduce((most, key) => Math.max(most, counts.get(by)?.get(key) ?? 0), 0);
  return ways.map((all) => {
    const sizes = all.map(crowd);
    return all[sizes.indexOf(Math.min(...sizes))];
  });
}

interface Way extends Filing {
  keys: readonly string[];
}

function waysToFile(rule: Rule): Way[] {
  const ways: Way[] = [];
  for (const by of fieldsToLookUp) {
    if (rule[by.field] === undefined || !by.isFull(rule)) continue;
    const patterns = by.patterns(rule);
    const keys = patterns.map(partKey);
    if (isWhole(keys)) ways.push({ by, patterns, keys });
  }
  return ways;
}

function isWhole(keys: readonly (string | undefined)[]): keys is readonly string[] {
  return !keys.includes(undefined);
}

function bitOf(kind: RequestKind): number {
  return 1 << requestKinds.indexOf(kind);
}

/** What names something of sessions or forwards is about other kinds only where it names these. */
function kindsOf(rule: Rule): number {
  const { on } = rule;
  if (on) return bitsOf(on);
  const isOfSessions = sessionFields.some((field) => rule[field] !== undefined);
  const isOfForwards = forwardFields.some((field) => rule[field] !== undefined);
  if (isOfSessions && isOfForwards) return bitsOf(["confirm"]);
  if (isOfSessions) return ofSessions;
  return isOfForwards ? ofForwards : ofAny;
}

function bitsOf(kinds: readonly RequestKind[]): number {
  return kinds.reduce((bits, kind) => bits | bitOf(kind), 0);
}

const ofSessions = bitsOf(["session", "confirm"]);
const ofForwards = bitsOf(["forward", "confirm"]);
const ofAny = bitsOf(requestKinds.filter((kind) => kind !== "list"));

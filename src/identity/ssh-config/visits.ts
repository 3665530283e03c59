/**
 * Which sections have to be looked at for which alias. Most of them are for the names that they spell out: to
 * ask 2,000 aliases of 2,000 sections would take longer than a login.
 */
import type { Condition, Criterion, Section } from "./sections.ts";

/** Every alias that is spelt out, in the order of the files, as it is written. */
export function literalsOf(sections: readonly Section[]): ReadonlySet<string> {
  return new Set(sections.flatMap(({ condition }) => namesIn(condition)));
}

function namesIn(condition: Condition): string[] {
  if (condition.kind === "host") return condition.patterns.filter(isLiteral);
  if (condition.kind !== "match") return [];
  return condition.criteria.filter(isAboutName).flatMap(({ list }) => list.filter(isLiteral));
}

function isAboutName({ name, negated }: Criterion): boolean {
  return !negated && (name === "host" || name === "originalhost");
}

function isLiteral(pattern: string): boolean {
  return !/[*?!]/.test(pattern);
}

export class VisitPlan {
  /** Those that may be for any name. */
  readonly #general: number[] = [];
  readonly #byName = new Map<string, number[]>();

  constructor(sections: readonly Section[]) {
    /** The names that a section is for; undefined for any. */
    const names: (readonly string[] | undefined)[] = [];
    for (const [at, { condition, within }] of sections.entries()) {
      const own = condition.kind === "as" ? names[condition.section] : spelled(condition);
      names.push(own ?? (within === undefined ? undefined : names[within]));
      for (const name of new Set(names[at] ?? [])) this.#add(name, at);
      if (!names[at]) this.#general.push(at);
    }
  }

  #add(name: string, section: number): void {
    const known = this.#byName.get(name);
    if (known) known.push(section);
    else this.#byName.set(name, [section]);
  }

  /** Those that may hold for one of the names, in their order. */
  of(names: readonly string[]): readonly number[] {
    let all: readonly number[] = this.#general;
    for (const name of names) all = merged(all, this.#byName.get(name.toLowerCase()) ?? []);
    return all;
  }
}

/** Both in order, each once. */
function merged(one: readonly number[], other: readonly number[]): readonly number[] {
  if (other.length === 0 || one === other) return one;
  const all: number[] = [];
  for (let [at, beside] = [0, 0]; at < one.length || beside < other.length; ) {
    const [next, next2] = [one[at] ?? Number.POSITIVE_INFINITY, other[beside] ?? Number.POSITIVE_INFINITY];
    all.push(Math.min(next, next2));
    if (next <= next2) at++;
    if (next2 <= next) beside++;
  }
  return all;
}

/** In lower case; undefined if it may be for other names. */
function spelled(condition: Condition): readonly string[] | undefined {
  const lists = listsOf(condition);
  return lists.find((list) => list.every(isLiteral))?.map((name) => name.toLowerCase());
}

/** Of these, each has to match. */
function listsOf(condition: Condition): (readonly string[])[] {
  if (condition.kind === "host") return [condition.patterns];
  if (condition.kind !== "match") return [];
  return condition.criteria
    .filter(({ name, negated }) => name === "originalhost" && !negated)
    .map(({ list }) => list);
}

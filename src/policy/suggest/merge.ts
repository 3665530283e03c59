/** Rules that differ in one thing become one, with a list of it. It allows what they allow apart. */
import { formatRule } from "../exact-rule.ts";
import type { Rule } from "../policy.ts";
import type { Caller, Request } from "../request.ts";

/** A rule, and one of the requests that it would have answered. */
export interface Part {
  rule: Rule;
  request: Request;
  caller: Caller;
  /** How many questions it would have answered. */
  count: number;
  /** How many hosts it names, where there are several. */
  hosts?: number;
  /** How many commands or branches it names besides that of the request. */
  others?: number;
}

type Field = keyof Rule;

/** What the same thing is spelled by: a host by its name, its key and its port. */
const things: readonly (readonly Field[])[] = [["command"], ["branch"], ["host", "host_key", "port"]];

/** The longest list of a rule: a person is to read it. */
const MOST = 32;

/** @param may whether a rule may be suggested; where it may not, its parts stay apart */
export function merged(parts: readonly Part[], may: (rule: Rule) => boolean): Part[] {
  return things.reduce<readonly Part[]>((rest, thing) => mergedBy(rest, thing, may), parts).slice();
}

function mergedBy(parts: readonly Part[], thing: readonly Field[], may: (rule: Rule) => boolean): Part[] {
  const alike = new Map<string, Part[]>();
  for (const part of parts) {
    const key = keyOf(part, thing);
    alike.set(key, [...(alike.get(key) ?? []), part]);
  }
  return [...alike.values()].flatMap((same) => {
    const one = same.length > 1 && same.length <= MOST ? joined(same, thing) : undefined;
    return one && may(one.rule) ? [one] : same;
  });
}

/** What they have in common. A command that was asked about once is none that comes again. */
function keyOf({ rule, count }: Part, thing: readonly Field[]): string {
  const { name: _, ...fields } = rule;
  const named = thing.filter((field) => fields[field as keyof typeof fields] !== undefined);
  const rest = Object.entries(fields).filter(([field]) => !thing.includes(field as Field));
  const alone = !thing.includes("host") && count < 2 ? formatRule(rule) : [];
  return JSON.stringify([rest, named, alone]);
}

function joined(parts: readonly Part[], thing: readonly Field[]): Part | undefined {
  const [first] = parts;
  if (!first || first.rule[thing[0] as Field] === undefined) return undefined;
  const lists = thing.map((field) => [field, listOf(parts, field)] as const);
  const rule = {
    ...first.rule,
    ...Object.fromEntries(lists.filter(([, list]) => list !== undefined)),
  } as Rule;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const others = parts.length - 1;
  return { ...first, rule, count, ...(thing.includes("host") ? { hosts: parts.length } : { others }) };
}

/** As rules have it: patterns are joined by commas, commands and ports are lists. */
function listOf(parts: readonly Part[], field: Field): unknown {
  const values = [...new Set(parts.flatMap(({ rule }) => rule[field] ?? []))];
  const [only, ...more] = values.sort();
  if (more.length === 0) return only;
  return field === "command" || field === "port" ? values : values.join();
}

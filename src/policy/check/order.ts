/** Rules behind one that takes all that they could match. */
import { placesAround } from "../lookup/rules.ts";
import { allowsCommand } from "../match/command.ts";
import { matchPattern } from "../match/pattern.ts";
import type { Rule } from "../policy.ts";
import { isTrust } from "../request.ts";
import { isLiteral, itemsOf, listTakes, takes } from "./lists.ts";
import type { Field, Remark } from "./remark.ts";

export function checkOrder(rules: readonly Rule[], at: number): Remark[] {
  const rule = rules[at] as Rule;
  const other = firstTaking(rules, at);
  const earlier = other === undefined ? undefined : rules[other];
  if (other === undefined || !earlier) return [];
  const unlessHashed = isByPattern(earlier, rule) ? ", but for hosts that known_hosts has hashed alone" : "";
  const text = `never matches: rule "${earlier.name}" before it takes all of it${unlessHashed}`;
  return [{ kind: "warning", rule: at, text, other }];
}

function firstTaking(rules: readonly Rule[], at: number): number | undefined {
  for (const place of placesAround(rules, rules[at] as Rule)) {
    if (place >= at) return undefined;
    if (takesAll(rules[place] as Rule, rules[at] as Rule)) return place;
  }
  return undefined;
}

const ofAnswer: ReadonlySet<string> = new Set<Field>([
  "name",
  "action",
  "remember",
  "timeout",
  "approver",
  "approvals",
  "signers",
]);

/** Fields that mean less in a rule that allows than in one that denies. */
const narrowed: readonly Field[] = [
  "command",
  "subsystem",
  "environment",
  "connect",
  "caller",
  "programs",
  "repository",
  "branch",
];

/** Whether the first names nothing that the second does not name as well, or something within that. */
function takesAll(first: Rule, second: Rule): boolean {
  const fields = Object.keys(first).filter((field) => !ofAnswer.has(field) && field !== "on") as Field[];
  if (!fields.every((field) => first[field] === undefined || isWithin(field, first, second))) return false;
  if (first.on === undefined ? second.on?.includes("list") : !isPart(second.on, first.on)) return false;
  if (first.action !== "allow" || second.action === "allow") return !second.operation?.some(isTrust);
  return !second.operation?.some(isTrust) && narrowed.every((field) => first[field] === undefined);
}

function isPart<T>(some: readonly T[] | undefined, all: readonly T[]): boolean {
  return some?.every((one) => all.includes(one)) ?? false;
}

function isWithin(field: Field, first: Rule, second: Rule): boolean {
  const [wide, narrow] = [first[field], second[field]];
  if (JSON.stringify(wide) === JSON.stringify(narrow))
    return !(first.action === "allow" && second.action !== "allow" && excludes(wide));
  switch (field) {
    case "port":
      return isPart(narrow === undefined ? undefined : [narrow].flat(), [wide].flat());
    case "operation":
    case "forward":
      return isPart(second[field], first[field] ?? []);
    case "command":
      return second.command !== undefined && [second.command].flat().every((one) => takesCommand(first, one));
    case "scope":
      return second.scope !== undefined && takesScope(first.scope ?? "", second.scope);
    case "caller":
      return second.caller !== undefined && listTakes(first.caller ?? "", second.caller, takesProgram);
    case "environment":
      return false; // to allow, each variable has to match; to deny, one
    default:
      return typeof wide === "string" && typeof narrow === "string" && takesText(field, wide, narrow);
  }
}

/** To deny, one name of a host that matches is enough; to allow, none may be excluded. */
function excludes(list: unknown): boolean {
  return typeof list === "string" && itemsOf(list).some(({ negated }) => negated);
}

/** Names of hosts and addresses go without regard to case. */
const folded: ReadonlySet<Field> = new Set<Field>(["host", "listen", "connect"]);

function takesText(field: Field, wide: string, narrow: string): boolean {
  return folded.has(field) ? listTakes(wide.toLowerCase(), narrow.toLowerCase()) : listTakes(wide, narrow);
}

function takesCommand({ action, command }: Rule, narrow: string): boolean {
  const covers = action === "allow" ? allowsCommand : matchPattern;
  return [command ?? []].flat().some((wide) => {
    return wide === "*" || wide === narrow || (isLiteral(narrow) && covers(narrow, wide));
  });
}

/** The empty item is outside of runs, which no pattern fits. */
function takesScope(wide: string, narrow: string): boolean {
  return listTakes(wide, narrow, (one, other) => one === other || (other !== "" && takes(one, other)));
}

/** A pattern without a `/` is about the name of the file. */
function takesProgram(wide: string, narrow: string): boolean {
  if (wide.includes("/") || !narrow.includes("/")) return takes(wide, narrow);
  return isLiteral(narrow) && takes(wide, narrow.slice(narrow.lastIndexOf("/") + 1));
}

/** A pattern can't be tried on names that nobody can read, and a name that is spelt out can. */
function isByPattern(first: Rule, second: Rule): boolean {
  const wide = itemsOf(first.host?.toLowerCase()).map(({ text }) => text);
  const isTaken = (text: string): boolean => wide.some((one) => one === "*" || one === text);
  return (
    first.host !== undefined &&
    itemsOf(second.host?.toLowerCase()).some(({ text, negated }) => !negated && !isTaken(text))
  );
}

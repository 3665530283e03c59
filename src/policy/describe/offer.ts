/**
 * The rule that "always" writes, in two lines, once the same was approved often enough: by which fields it is
 * narrow, and its name, which says who may do what and where. All of it is in describeQuestion().
 */
import type { Question } from "../question.ts";
import { visible } from "../visible.ts";

/** The longest name that is shown, in characters. What it says of a request pushes away nothing before it. */
const LONGEST = 240;

/** What the name says, or the lines above it, or what goes without saying. */
const untold: ReadonlySet<string> = new Set([
  ...["name", "on", "host", "port", "scope"],
  ...["environment", "verified", "action"],
]);

/** @param longest of the name, in characters */
export function describeOffer({ approvals, rule, hosts }: Question, longest = LONGEST): string[] {
  if (approvals === undefined || !rule) return [];
  const what = hosts ? `a rule for each of the ${hosts.length} hosts` : "a rule";
  const name = rule.find((line) => line.startsWith("name = "))?.slice("name = ".length);
  const fields = rule.flatMap(narrowing).join(", ");
  return [
    `allowed ${approvals} times; "always" writes ${what}${fields === "" ? "" : ` on ${fields}`}`,
    ...(name === undefined ? [] : [visible(name, longest)]),
  ];
}

/** A field that is false is one that the rule is narrow by, and that nobody would miss. */
function narrowing(line: string): string[] {
  const [, field, value] = /^(\w+) = (.*)$/s.exec(line) ?? [];
  return field === undefined || untold.has(field) || value === "false" ? [] : [field];
}

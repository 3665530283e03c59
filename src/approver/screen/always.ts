/** "Allow always" writes a rule, which is to be read before it is written. */
import type { Answer, Question } from "../../policy/question.ts";
import { visible } from "../../policy/visible.ts";

/** The longest line of a rule that is shown, in characters: a rule should be seen whole. */
const MAX_LINE = 2000;

export function isAlways(answer: Answer | undefined): boolean {
  return answer?.decision === "allow" && answer.remember === "always";
}

export const CONFIRM_ALWAYS = "Write this rule? y writes it, any other key goes back";

/** What "allow always" does, in lines. */
export function describeAlways({ rule = [], hosts }: Question): string[] {
  const what = hosts ? `a rule like this for each of the ${hosts.length} hosts` : "this rule";
  return [
    `"allow always" writes ${what} to approved.toml:`,
    ...rule.map((line) => `  ${visible(line, MAX_LINE)}`),
  ];
}

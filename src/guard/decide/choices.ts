/** How long an approval may hold: what a question offers, and what becomes of an answer. */
import type { Remember } from "../../policy/grants.ts";
import type { Question } from "../../policy/question.ts";

/** What holds without a time, if it is there. */
interface Lasting {
  run: boolean;
  session: boolean;
  always: boolean;
}

/**
 * From the shortest to the longest, within what the rule allows.
 * @param longest in milliseconds; 0 is never, undefined as long as the user likes
 * @param usual what "for a while" means, in milliseconds
 */
export function choicesOf(
  longest: number | undefined,
  usual: number,
  lasting: Lasting,
): [Remember, ...Remember[]] {
  if (longest === 0) return ["once"];
  const choices: [Remember, ...Remember[]] = ["once", { milliseconds: Math.min(usual, longest ?? usual) }];
  if (longest !== undefined) return choices;
  return [...choices, ...(["run", "session", "always"] as const).filter((length) => lasting[length])];
}

/** What an answer asks to be remembered, within what the question offered. */
export function capped(remember: Remember, { choices, longest }: Question): Remember {
  if (remember === "once" || (typeof remember === "string" && choices.includes(remember))) return remember;
  if (!longest) return longest === 0 || typeof remember === "string" ? "once" : remember;
  return { milliseconds: typeof remember === "string" ? longest : Math.min(remember.milliseconds, longest) };
}

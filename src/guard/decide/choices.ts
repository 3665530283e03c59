/** How long an approval may hold: what a question offers, and what becomes of an answer. */
import type { Remember } from "../../policy/grants.ts";
import type { Question } from "../../policy/question.ts";

/** What is there to offer. */
export interface Offered {
  /** What it is for, which can be seen to end. */
  lasting: boolean;
  run: boolean;
  session: boolean;
  always: boolean;
  /** A time, which is not already as long as the run. */
  time: boolean;
}

/**
 * What a question offers, within what the rule allows: once, then what suits most, then the others from the
 * shortest to the longest.
 * @param longest in milliseconds; 0 is never, undefined as long as the user likes
 * @param usual what "for a while" means, in milliseconds
 */
export function choicesOf(
  longest: number | undefined,
  usual: number,
  offered: Offered,
): [Remember, ...Remember[]] {
  if (longest === 0) return ["once"];
  const time = { milliseconds: Math.min(usual, longest ?? usual) };
  if (longest !== undefined) return ["once", time];
  const first = offered.lasting ? "lasting" : "run";
  const choices: Remember[] = [first, ...(offered.time ? [time] : []), "run", "session", "always"];
  const isOffered = (one: Remember): boolean => typeof one === "object" || (one !== "once" && offered[one]);
  return ["once", ...new Set(choices.filter(isOffered))];
}

/** What a plain yes means, where there is only yes and no. */
export function plainYes(choices: readonly Remember[], wanted: "once" | "remember" | "lasting"): Remember {
  const time = choices.find((choice) => typeof choice === "object");
  const lasting = choices.find((choice) => choice === "lasting" || choice === "run");
  if (wanted === "once") return "once";
  return (wanted === "lasting" ? (lasting ?? time) : (time ?? lasting)) ?? "once";
}

/** What an answer asks to be remembered, within what the question offered. */
export function capped(remember: Remember, { choices, longest }: Question): Remember {
  if (remember === "once" || (typeof remember === "string" && choices.includes(remember))) return remember;
  if (remember === "lasting" && choices.includes("run")) return "run";
  if (!longest) return longest === 0 || typeof remember === "string" ? "once" : remember;
  return { milliseconds: typeof remember === "string" ? longest : Math.min(remember.milliseconds, longest) };
}

/** How long a question may still be answered. */
import type { Question } from "../../policy/question.ts";

/** What remains of a question's time. @param date the wall clock's time, in milliseconds */
export function secondsLeft({ asked, timeout }: Question, date: number): number {
  return Math.max(0, Math.ceil((Date.parse(asked) + timeout - date) / 1000));
}

/** One question, put to all who can reach a person. */
import type { Approver } from "../../approver/approver.ts";
import { messageOf } from "../../errors.ts";
import type { Answer } from "../../policy/question.ts";
import { fault, type Outcome } from "./asking.ts";
import type { OpenQuestion } from "./open-question.ts";

/**
 * Asks every approver that can reach a person. When the last has failed, the queue may still hold the
 * question.
 * @param gathered goes on when the question is whole; undefined where it is
 */
export function askAll(
  { asking, withdrawn: { signal } }: OpenQuestion,
  gathered: ((then: () => void) => void) | undefined,
  { answered, settle }: { answered(answer: Answer, kind: string): void; settle(outcome: Outcome): void },
): void {
  const { question, approvers, queue, onlyQueue } = asking;
  const reasons: string[] = [];
  const failed = (reason: string): void => {
    reasons.push(reason);
    if (reasons.length < approvers.length || signal.aborted) return;
    if (queue === "holds") onlyQueue();
    else settle(fault("approver", nobodyThere(reasons)));
  };
  const ask = (approver: Approver): void => {
    const threw = (error: unknown): void => failed(`${approver.kind}: ${messageOf(error)}`);
    try {
      const unavailable = approver.unavailable(question);
      if (unavailable !== undefined) failed(unavailable);
      else
        approver
          .ask(question, signal)
          .then((answer) => answered(answer, approver.kind))
          .catch(threw);
    } catch (error) {
      threw(error);
    }
  };
  if (approvers.length === 0) failed("none is configured");
  for (const approver of approvers) {
    if (gathered && approver.unhurried) gathered(() => ask(approver));
    else ask(approver);
  }
}

function nobodyThere(reasons: readonly string[]): string {
  return `nobody can be asked: ${reasons.join("; ")}. Allow it in policy.toml, or run it where someone can be asked`;
}

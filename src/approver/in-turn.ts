/** One question at a time: two prompts on one screen would overwrite each other, and an answer could go to the wrong one. */
import type { Approver } from "./approver.ts";

export function inTurn(approver: Approver): Approver {
  let last: Promise<unknown> = Promise.resolve();
  return {
    kind: approver.kind,
    unavailable: () => approver.unavailable(),
    ask(question, signal) {
      const answer = last.then(() => {
        if (signal.aborted) throw new Error("withdrawn");
        return approver.ask(question, signal);
      });
      last = answer.catch(() => {});
      return answer;
    },
  };
}

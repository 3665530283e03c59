/** What is handed to the open questions, and what comes back. */
import type { Approver } from "../../approver/approver.ts";
import type { Answer, Question } from "../../policy/question.ts";
import type { Scope } from "./scope.ts";

export interface Asking {
  question: Question;
  /**
   * What an approval would cover: requests that share it share the question. Undefined for one that is never
   * shared.
   */
  covered: string | undefined;
  /** The same without the host: questions that come together and share it are asked as one. */
  alike?: string | undefined;
  /** Who asks: there is a limit to the questions of one program. */
  who?: string;
  approvers: readonly Approver[];
  /** Whether `muxguard approve` may answer too, and whether that is enough for the question to stay open. */
  queue: Scope["queue"];
  /** Called when the queue is all that is left. */
  onlyQueue: () => void;
  /** Called once no other question takes its place, with the one that is shown: nobody has answered yet. */
  waits?: (shown: Question) => void;
}

export interface Outcome {
  answer: Exclude<Answer, { decision: "apart" }>;
  /** The kind of approver that answered, or what was at fault. */
  by: `approver:${string}` | `fault:${string}`;
}

/** A denial that no person gave. */
export function fault(what: string, reason: string): Outcome {
  return { answer: { decision: "deny", reason }, by: `fault:${what}` };
}

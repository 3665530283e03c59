/**
 * The open questions. Identical ones that are pending are one question; the first answer wins and withdraws the others; who went
 * away no longer waits, and a question that nobody waits for leaves the screen.
 */
import type { Approver } from "../approver/approver.ts";
import type { Answer, Question } from "../policy/question.ts";

/** The most questions open at once. Beyond it a request is denied without asking. */
const MAX_OPEN = 64;

export interface Outcome {
  answer: Answer;
  /** The kind of approver that answered, or what was at fault. */
  by: `approver:${string}` | `fault:${string}`;
}

interface Open {
  question: Question;
  mayQueue: boolean;
  outcome: Promise<Outcome>;
  settle: (outcome: Outcome) => void;
}

export interface Asking {
  question: Question;
  /** What an approval would cover: requests that share it share the question. Undefined for one that is never shared. */
  covered: string | undefined;
  approvers: readonly Approver[];
  /** Whether `muxguard approve` may answer too, and whether that is enough for the question to stay open. */
  queue: { mayAnswer: boolean; suffices: boolean };
  /** Called when the queue is all that is left. */
  onlyQueue: () => void;
}

export class Questions {
  readonly #open = new Map<string, Open>();
  #unsharedCount = 0;

  /** Asks, or joins the same question. @param gone aborted when the one who asks has gone away */
  async ask(asking: Asking, gone: AbortSignal): Promise<Outcome> {
    const key = asking.covered ?? `unshared ${this.#unsharedCount++}`;
    const known = this.#open.get(key);
    if (known) known.question.count++;
    else if (this.#open.size >= MAX_OPEN)
      return fault("busy", `${MAX_OPEN} questions are open already; answer them first (muxguard pending)`);
    const open = known ?? this.#start(key, asking);
    const leave = (): void => {
      if (--open.question.count === 0)
        open.settle(fault("withdrawn", "the client went away before the answer"));
    };
    gone.addEventListener("abort", leave, { once: true });
    if (gone.aborted) leave();
    try {
      return await open.outcome;
    } finally {
      gone.removeEventListener("abort", leave);
    }
  }

  pending(): Question[] {
    return [...this.#open.values()].map(({ question }) => question);
  }

  /** Answers from outside, by `muxguard approve`. Returns false if there is no such question, or if it may not be answered so. */
  answer(id: string, answer: Answer): boolean {
    const open = [...this.#open.values()].find(({ question }) => question.id === id);
    if (!open?.mayQueue) return false;
    open.settle({ answer, by: "approver:queue" });
    return true;
  }

  #start(key: string, asking: Asking): Open {
    const { question, queue } = asking;
    const withdrawn = new AbortController();
    let settle: Open["settle"] = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      settle = (result) => {
        this.#open.delete(key);
        clearTimeout(timer);
        withdrawn.abort();
        resolve(result);
      };
    });
    const timer = setTimeout(() => settle(fault("timeout", noAnswer(question))), question.timeout);
    const open: Open = { question, mayQueue: queue.mayAnswer, outcome, settle };
    this.#open.set(key, open);
    askAll(asking, open, withdrawn.signal);
    return open;
  }
}

/** Asks every approver that can reach a person. When the last has failed, the queue may still hold the question. */
function askAll({ question, approvers, queue, onlyQueue }: Asking, open: Open, withdrawn: AbortSignal): void {
  const reasons: string[] = [];
  const failed = (reason: string): void => {
    reasons.push(reason);
    if (reasons.length < approvers.length || withdrawn.aborted) return;
    if (queue.mayAnswer && queue.suffices) onlyQueue();
    else open.settle(fault("approver", nobodyThere(reasons)));
  };
  if (approvers.length === 0) failed("none is configured");
  for (const approver of approvers) {
    const unavailable = approver.unavailable();
    if (unavailable !== undefined) {
      failed(`${approver.kind}: ${unavailable}`);
      continue;
    }
    approver.ask(question, withdrawn).then(
      (answer) => open.settle({ answer, by: `approver:${approver.kind}` }),
      (error: unknown) => failed(`${approver.kind}: ${error instanceof Error ? error.message : "failed"}`),
    );
  }
}

function fault(what: string, reason: string): Outcome {
  return { answer: { decision: "deny", reason }, by: `fault:${what}` };
}

function noAnswer(question: Question): string {
  return `no answer within ${question.timeout / 1000} seconds`;
}

function nobodyThere(reasons: readonly string[]): string {
  return `no approver can reach a person (${reasons.join("; ")}); allow it in policy.toml, or run it where someone can be asked`;
}

/**
 * The open questions. Identical ones that are pending are one question; the first answer wins and withdraws the others; who went
 * away no longer waits, and a question that nobody waits for leaves the screen.
 */
import type { Approver } from "../approver/approver.ts";
import { describeAnswer } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Scope } from "./scope.ts";

/** The most questions open at once. Beyond it a request is denied without asking. */
const MAX_OPEN = 64;

/** The longest that a timer of Node waits, in milliseconds: a longer one would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

export interface Outcome {
  answer: Answer;
  /** The kind of approver that answered, or what was at fault. */
  by: `approver:${string}` | `fault:${string}`;
}

interface Open {
  question: Question;
  approvers: readonly Approver[];
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
  queue: Scope["queue"];
  /** Called when the queue is all that is left. */
  onlyQueue: () => void;
}

export class Questions {
  readonly #open = new Map<string, Open>();
  readonly #onOpen: () => void;
  #unsharedCount = 0;

  /** @param onOpen called when a question comes up that somebody may want to see */
  constructor(onOpen: () => void = () => {}) {
    this.#onOpen = onOpen;
  }

  /** Asks, or joins the same question. @param gone aborted when the one who asks has gone away */
  async ask(asking: Asking, gone: AbortSignal): Promise<Outcome> {
    if (gone.aborted) return withdrawal();
    const key = asking.covered ?? `unshared ${this.#unsharedCount++}`;
    const known = this.#open.get(key);
    if (known) count(known, 1);
    else if (this.#open.size >= MAX_OPEN)
      return fault("busy", `${MAX_OPEN} questions are open already; answer them first (muxguard pending)`);
    const open = known ?? this.#start(key, asking);
    let leave = (): void => {};
    const left = new Promise<Outcome>((resolve) => {
      leave = () => {
        if (count(open, -1) === 0) open.settle(withdrawal());
        resolve(withdrawal());
      };
    });
    gone.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([open.outcome, left]);
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
    const { question, queue, approvers } = asking;
    const withdrawn = new AbortController();
    let settle: Open["settle"] = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      settle = (result) => {
        // a late answer must not close the next question of the same kind
        if (withdrawn.signal.aborted) return;
        this.#open.delete(key);
        clearTimeout(timer);
        withdrawn.abort(new Error(describeAnswer(result.answer)));
        resolve(result);
      };
    });
    const timer = setTimeout(
      () => settle(fault("timeout", noAnswer(question))),
      Math.min(question.timeout, MAX_TIMER),
    );
    const open: Open = { question, approvers, mayQueue: queue !== "closed", outcome, settle };
    this.#open.set(key, open);
    this.#onOpen();
    askAll(asking, open, withdrawn.signal);
    return open;
  }
}

/** Returns how many requests wait now. */
function count({ question, approvers }: Open, more: number): number {
  question.count += more;
  if (question.count > 0) for (const approver of approvers) approver.changed?.(question);
  return question.count;
}

/** Asks every approver that can reach a person. When the last has failed, the queue may still hold the question. */
function askAll({ question, approvers, queue, onlyQueue }: Asking, open: Open, withdrawn: AbortSignal): void {
  const reasons: string[] = [];
  const failed = (reason: string): void => {
    reasons.push(reason);
    if (reasons.length < approvers.length || withdrawn.aborted) return;
    if (queue === "holds") onlyQueue();
    else open.settle(fault("approver", nobodyThere(reasons)));
  };
  if (approvers.length === 0) failed("none is configured");
  for (const approver of approvers) {
    const threw = (error: unknown): void =>
      failed(`${approver.kind}: ${error instanceof Error ? error.message : "failed"}`);
    try {
      const unavailable = approver.unavailable();
      if (unavailable !== undefined) failed(unavailable);
      else
        approver
          .ask(question, withdrawn)
          .then((answer) => open.settle({ answer, by: `approver:${approver.kind}` }), threw);
    } catch (error) {
      threw(error);
    }
  }
}

function withdrawal(): Outcome {
  return fault("withdrawn", "the client went away before the answer");
}

function fault(what: string, reason: string): Outcome {
  return { answer: { decision: "deny", reason }, by: `fault:${what}` };
}

function noAnswer(question: Question): string {
  return `no answer within ${question.timeout / 1000} seconds`;
}

function nobodyThere(reasons: readonly string[]): string {
  return `nobody can be asked: ${reasons.join("; ")}. Allow it in policy.toml, or run it where someone can be asked`;
}

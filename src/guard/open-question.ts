/** A question that is open: one thing that is asked for, or the same on several hosts, each with those who wait for the answer. */
import { hostName } from "../policy/describe-caller.ts";
import type { Answer, Question } from "../policy/question.ts";
import { newId } from "./ids.ts";
import type { Asking } from "./questions.ts";

/** The most hosts that one question lists. */
const MAX_HOSTS = 32;

export interface Outcome {
  answer: Exclude<Answer, { decision: "apart" }>;
  /** The kind of approver that answered, or what was at fault. */
  by: `approver:${string}` | `fault:${string}`;
}

/** One of the things that a question is about: identical requests share it. */
export interface Member {
  key: string;
  asking: Asking;
  open: OpenQuestion;
  outcome: Promise<Outcome>;
  resolve: (outcome: Outcome) => void;
}

export class OpenQuestion {
  /** As it is shown. With a second host it gets an id of its own: that of the first stands for the first alone. */
  readonly question: Question;
  /** From when on approvers are asked: aborted when their answer is no longer wanted. */
  readonly withdrawn = new AbortController();
  readonly #asking: Asking;
  readonly #members = new Set<Member>();
  #isGathering = true;

  constructor(asking: Asking) {
    this.#asking = asking;
    this.question = { ...asking.question };
  }

  get members(): Member[] {
    return [...this.#members];
  }

  get asking(): Asking {
    return { ...this.#asking, question: this.question };
  }

  /** Whether it has not been shown yet, and may be about that too. */
  takes({ alike }: Asking): boolean {
    const { size } = this.#members;
    return this.#isGathering && alike !== undefined && alike === this.#asking.alike && size < MAX_HOSTS;
  }

  /** From here on it stays as it is. */
  show(): void {
    this.#isGathering = false;
  }

  add(member: Member): void {
    member.open = this;
    this.#members.add(member);
    if (this.#members.size === 2) Object.assign(this.question, { id: newId(), hosts: [] });
    this.refresh();
  }

  remove(member: Member): void {
    this.#members.delete(member);
    this.refresh();
  }

  /** Counts again who waits, and tells those who show it. */
  refresh(): void {
    const { count: before } = this.question;
    const questions = this.members.map(({ asking }) => asking.question);
    this.question.count = questions.reduce((sum, { count }) => sum + count, 0);
    if (this.question.hosts) this.question.hosts = questions.map(hostOf);
    const { count } = this.question;
    if (this.#isGathering || count === 0 || count === before) return;
    for (const approver of this.#asking.approvers) approver.changed?.(this.question);
  }
}

function hostOf({ id, request }: Question): { id: string; name: string } {
  return { id, name: request.destination ? hostName(request.destination) : "" };
}

/**
 * A question that is open: one thing that is asked for, or the same on several hosts, each with those who
 * wait for the answer.
 */
import { hostName } from "../../policy/describe/caller.ts";
import type { Question } from "../../policy/question.ts";
import type { Asking, Outcome } from "./asking.ts";
import { newId } from "./ids.ts";

/** The most hosts that one question lists. */
const MAX_HOSTS = 32;

/** The longest that questions take each other's place, in milliseconds. */
const MAX_GATHERED = 10_000;

/** One of the things that a question is about: identical requests share it. */
export interface Member {
  key: string;
  asking: Asking;
  open: OpenQuestion;
  /** Those of all who wait. */
  tells: Set<(shown: Question) => void>;
  outcome: Promise<Outcome>;
  resolve: (outcome: Outcome) => void;
}

export class OpenQuestion {
  /**
   * As it is shown. With a second host it gets an id of its own: that of the first stands for the first
   * alone.
   */
  readonly question: Question;
  /** From when on approvers are asked: aborted when their answer is no longer wanted. */
  readonly withdrawn = new AbortController();
  readonly #asking: Asking;
  #members = new Set<Member>();
  /** In milliseconds of a monotonic clock; undefined before. */
  #shownSince: number | undefined;
  /** The same, of the first one whose place it takes. */
  #firstShown: number | undefined;
  #isTold = false;

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

  get isShown(): boolean {
    return this.#shownSince !== undefined;
  }

  get isOver(): boolean {
    return this.withdrawn.signal.aborted;
  }

  /** Whether it is about the same at another host. */
  isAlike({ alike }: Asking): boolean {
    return alike !== undefined && alike === this.#asking.alike && !this.isOver;
  }

  /**
   * Whether it has not been shown yet, and may be about that too. Nothing is added to what somebody reads.
   */
  takes(asking: Asking): boolean {
    return this.isAlike(asking) && !this.isShown && this.#members.size < MAX_HOSTS;
  }

  /** Whether it can be about all of the other's hosts too. */
  takesAll({ members }: OpenQuestion): boolean {
    return !this.isOver && !this.isShown && this.#members.size + members.length <= MAX_HOSTS;
  }

  /** From here on it stays as it is. */
  show(now: number): void {
    this.#shownSince = now;
    this.#firstShown ??= now;
  }

  /**
   * Whether another one may take its place: no key counts yet.
   * @param deafFor how long a question is on a screen before one does, in milliseconds
   */
  isNew(now: number, deafFor: number): boolean {
    const [first, since] = [this.#firstShown ?? now, this.#shownSince ?? now];
    return !this.isOver && now - since < deafFor && now - first < MAX_GATHERED;
  }

  /** Those who wait are told, and those who join from here on. */
  tell(): void {
    this.#isTold = true;
    for (const { tells } of this.members) for (const tell of tells) tell(this.question);
  }

  /** One more waits for what a member is about. */
  wait(member: Member, tell: (shown: Question) => void): void {
    member.tells.add(tell);
    if (this.#isTold) tell(this.question);
  }

  add(member: Member): void {
    this.#take([...this.members, member]);
  }

  /** Takes over what the other, which was shown, is about. */
  takeOver(other: OpenQuestion): void {
    this.#firstShown = other.#firstShown;
    const { request, caller, asked } = other.question;
    Object.assign(this.question, { request, caller, asked });
    this.#take([...other.members, ...this.members]);
  }

  #take(members: readonly Member[]): void {
    this.#members = new Set(members);
    for (const member of members) member.open = this;
    if (members.length > 1 && !this.question.hosts) Object.assign(this.question, { id: newId(), hosts: [] });
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
    if (!this.isShown || count === 0 || count === before) return;
    for (const approver of this.#asking.approvers) approver.changed?.(this.question);
  }
}

function hostOf({ id, request }: Question): { id: string; name: string } {
  return { id, name: request.destination ? hostName(request.destination) : "" };
}

/**
 * A question that is being answered with keys: which answer is chosen, what is to be read, and what keys do.
 * No I/O, and no word of how it is drawn.
 *
 * "Deny" is chosen first. No letter or digit answers: a terminal types those by itself where somebody has it
 * report a colour or where its cursor is, and any process of the user's may do that. "Always" shows the rule
 * that it will write, and wants a `y` then.
 *
 * What is shown first is short. PgDn at its end leads to all there is to say, and PgUp back.
 *
 * A key of the first second does nothing: it was meant for something else. Nor does what is pasted. Whoever
 * reads the keys knows the time, and says whether they count. Ctrl-C always does.
 */
import { answersTo } from "../../policy/describe/answer.ts";
import { describeBriefly } from "../../policy/describe/brief.ts";
import { describeQuestion } from "../../policy/describe/question.ts";
import type { Answer, Question } from "../../policy/question.ts";
import { describeAlways, isAlways } from "./always.ts";
import type { Key } from "./keys.ts";
import { Pages, pageKeys } from "./pages.ts";

const REFUSED: Answer = { decision: "deny", reason: "you said no" };

/** The answer of Ctrl-C: what is in the foreground is to hear of it, too. */
export const INTERRUPTED: Answer = { decision: "deny", reason: "you interrupted it" };

export class Choice {
  #question: Question;
  #answers: { name: string; value: Answer }[];
  #at = 0;
  /** "Always", once it was chosen and until it is confirmed. */
  #confirming: Answer | undefined;
  #isWhole = false;
  readonly #pages = new Pages();

  constructor(question: Question) {
    this.#question = question;
    this.#answers = answersTo(question);
  }

  get question(): Question {
    return this.#question;
  }

  /** The same question as it is by now. With other answers, or another rule, the choice begins anew. */
  update(question: Question): void {
    const before = JSON.stringify([this.#question.rule, this.#answers]);
    this.#question = question;
    this.#answers = answersTo(question);
    if (before !== JSON.stringify([question.rule, this.#answers])) this.#beginAnew();
  }

  /** The answers to choose from, in words. */
  get names(): string[] {
    return this.#answers.map(({ name }) => name);
  }

  /** Which of them is chosen. */
  get at(): number {
    return this.#at;
  }

  /** Whether "always" was chosen, and its `y` is waited for. */
  get isConfirming(): boolean {
    return this.#confirming !== undefined;
  }

  /** Whether it is the short text of the question that is to be read. */
  get isBrief(): boolean {
    return !this.isConfirming && !this.#isWhole;
  }

  /** What is to be read, in lines: the question, in short or whole, or the rule that "always" writes. */
  get text(): string[] {
    if (this.isConfirming) return describeAlways(this.#question);
    return this.#isWhole ? describeQuestion(this.#question) : describeBriefly(this.#question);
  }

  /** The part of a text that is turned to, in so many lines. */
  page(text: readonly string[], room: number, width: number): string[] {
    return this.#pages.show(text, room, width);
  }

  /**
   * @param counts whether the question has been there for long enough
   * @returns the answer, once there is one
   */
  key({ name, ctrl, pasted }: Key, counts: boolean): Answer | undefined {
    if (ctrl) return name === "c" ? INTERRUPTED : undefined;
    if (!counts || pasted) return undefined;
    const page = pageKeys.get(name);
    if (page) this.#turn(page);
    else if (this.#confirming) return this.#confirm(this.#confirming, name);
    else if (name === "up" || name === "left") this.#at = Math.max(0, this.#at - 1);
    else if (name === "down" || name === "right") this.#at = Math.min(this.#answers.length - 1, this.#at + 1);
    else if (name === "escape") return REFUSED;
    else if (name === "return") return this.#choose(this.#answers[this.#at]?.value ?? REFUSED);
    return undefined;
  }

  #turn(by: 1 | -1): void {
    if (this.#pages.turn(by) || this.isConfirming || this.#isWhole === by > 0) return;
    this.#isWhole = by > 0;
    this.#pages.reset();
  }

  #choose(answer: Answer): Answer | undefined {
    if (!isAlways(answer)) return answer;
    this.#confirming = answer;
    this.#pages.reset();
    return undefined;
  }

  #confirm(answer: Answer, name: string): Answer | undefined {
    this.#beginAnew();
    return name === "y" ? answer : undefined;
  }

  #beginAnew(): void {
    this.#confirming = undefined;
    this.#at = 0;
    this.#pages.reset();
  }
}

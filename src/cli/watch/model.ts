/**
 * What `muxguard watch` knows and shows: the questions that wait, which of them the keys are for, and what
 * was decided. No I/O; times are milliseconds of one clock.
 *
 * Keys don't count for a question in its first second, nor in the first second after it came under the keys
 * by itself, because the one before was answered elsewhere. What the others do is choice.ts's.
 */
import { Choice } from "../../approver/screen/choice.ts";
import { ChoiceScreen } from "../../approver/screen/choice-screen.ts";
import type { Key } from "../../approver/screen/keys.ts";
import { MIN_WIDTH } from "../../approver/screen/pages.ts";
import { secondsLeft } from "../../approver/screen/seconds-left.ts";
import { bold, cyan, dim, red } from "../../approver/screen/style.ts";
import { cut, type Size, wrap } from "../../approver/screen/text.ts";
import { describeTitle } from "../../policy/describe/title.ts";
import { type Answer, DEAF_FOR, type Question } from "../../policy/question.ts";

/** How many decisions are kept to be shown. */
const MAX_RECENT = 200;

const TITLE = "muxguard watch";
const LOCKED = `${TITLE} - locked (muxguard unlock)`;
const KEYS = "↑↓ question  ←→ answer  Enter gives it  PgDn more  q quit";

/** What the guards say. */
export interface Seen {
  /** That wait now, the oldest first. */
  questions: readonly Question[];
  locked: boolean;
  /** A line for each thing that is. */
  wrong?: readonly string[];
}

export interface Answered {
  question: Question;
  answer: Answer;
}

export class WatchModel {
  readonly #deafFor: number;
  #questions: Question[] = [];
  /** When each of them was first seen. */
  #seen = new Map<string, number>();
  /** The question that the keys are for. */
  #choice: Choice | undefined;
  /** From when on keys count for it. */
  #armedAt = 0;
  #isLocked = false;
  #wrong: readonly string[] = [];
  #recent: string[] = [];
  #notice = "";

  /** @param deafFor how long keys don't count */
  constructor(deafFor = DEAF_FOR) {
    this.#deafFor = deafFor;
  }

  update({ questions, locked, wrong = [] }: Seen, now: number): void {
    this.#isLocked = locked;
    this.#wrong = wrong;
    this.#seen = new Map(questions.map(({ id }) => [id, this.#seen.get(id) ?? now]));
    const place = this.#place;
    this.#questions = [...questions];
    const current = this.#questions[this.#place];
    if (current) this.#choice?.update(current);
    else this.#select(questions[Math.min(Math.max(place, 0), questions.length - 1)], now + this.#deafFor);
  }

  /** Lines of the log. */
  decided(lines: readonly string[]): void {
    this.#recent = [...this.#recent, ...lines].slice(-MAX_RECENT);
  }

  notice(text: string): void {
    this.#notice = text;
  }

  /** @returns the answer to give */
  key(key: Key, now: number): Answered | undefined {
    const choice = this.#choice;
    if (!choice) return undefined;
    this.#notice = "";
    if (!choice.isConfirming) {
      if (key.name === "up") return this.#step(-1);
      if (key.name === "down") return this.#step(1);
      if (key.name === "escape") return undefined; // many programs leave with it
    }
    const counts = now >= this.#armedAt;
    if (!counts && key.name === "return")
      this.#notice = "too early: keys count a second after the question came up";
    const answer = choice.key(key, counts);
    return answer && { question: choice.question, answer };
  }

  #step(by: number): undefined {
    const next = this.#questions[Math.min(Math.max(this.#place + by, 0), this.#questions.length - 1)];
    if (next && next.id !== this.#choice?.question.id)
      this.#select(next, (this.#seen.get(next.id) ?? 0) + this.#deafFor);
  }

  #select(question: Question | undefined, armedAt: number): void {
    this.#choice = question && new Choice(question);
    this.#armedAt = armedAt;
  }

  /** Where it stands in the list; -1 if it doesn't. */
  get #place(): number {
    return this.#questions.findIndex(({ id }) => id === this.#choice?.question.id);
  }

  /**
   * The lines of a screen. @param date the wall clock's time, in milliseconds, for what remains of a
   * question's time
   */
  lines({ columns, rows }: Size, date: number): string[] {
    const width = Math.max(MIN_WIDTH, columns - 1); // the last column would wrap
    const count = this.#questions.length;
    const waiting =
      count === 0 ? "nothing waits for an answer" : `${count} ${count === 1 ? "waits" : "wait"}`;
    const title = this.#isLocked ? red(cut(LOCKED, width)) : cut(TITLE, width);
    const taken = this.#isLocked ? LOCKED.length : TITLE.length;
    const head = [`${bold(title)}${taken < width ? cut(`  ${waiting}`, width - taken) : ""}`, ""];
    // never more than a third: the questions matter more
    const wrong = this.#wrong.flatMap((line) => wrap(line, width)).slice(0, Math.floor(rows / 3));
    head.splice(1, 0, ...wrong.map(red));
    const foot = ["", dim(cut(this.#notice || KEYS, width))];
    const room = Math.max(0, rows - 1 - head.length - foot.length);
    const list = this.#list(width, Math.max(count > 1 ? 2 : 1, Math.floor(room / 4)), date);
    const asked = this.#choice
      ? new ChoiceScreen(this.#choice).embedded(width, Math.max(0, room - list.length))
      : [];
    const left = room - list.length - asked.length;
    return [...head, ...list, ...asked, ...this.#log(width, left), ...foot].slice(-Math.max(1, rows - 1));
  }

  /** As many as there is room for, the one under the keys among them, and how many are left out. */
  #list(width: number, room: number, date: number): string[] {
    const count = this.#questions.length;
    const most = count > room ? room - 1 : room;
    const at = Math.max(0, this.#place);
    const first = Math.max(0, Math.min(at - most + 1, count - most));
    const lines = this.#questions.slice(first, first + most).map((question) => {
      const { id } = question;
      const seconds = secondsLeft(question, date);
      const line = cut(`${id}  ${String(seconds).padStart(4)} s  ${describeTitle(question)}`, width - 2);
      return id === this.#choice?.question.id ? cyan(`❯ ${line}`) : `  ${line}`;
    });
    return count > room ? [...lines, dim(cut(`  … and ${count - most} more`, width))] : lines;
  }

  /** The latest, each of them whole if it can be. */
  #log(width: number, room: number): string[] {
    if (room < 3) return Array<string>(Math.max(0, room)).fill("");
    const lines: string[] = [];
    for (const entry of [...this.#recent].reverse()) {
      const wrapped = wrap(entry, width);
      if (lines.length > 0 && lines.length + wrapped.length > room - 2) break;
      lines.unshift(...wrapped.slice(0, room - 2));
    }
    return ["", dim("─".repeat(width)), ...lines, ...Array<string>(room - 2 - lines.length).fill("")];
  }
}

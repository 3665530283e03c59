/**
 * What `muxguard watch` knows and shows: the questions that wait, which of them the keys are for, and what
 * was decided. No I/O; times are milliseconds of one clock.
 *
 * Keys don't count for a question in its first second, nor in the first second after it came under the keys
 * by itself, because the one before was answered elsewhere.
 *
 * No letter or digit answers: a terminal types them by itself where somebody has it report a colour or where
 * its cursor is (xterm's ctlseqs, OSC 11 and DSR), and any process of the user's may write that to it, one
 * inside of a run too. There is no Enter in what it reports. "Always" shows the rule that it will write, and
 * wants another key then.
 */
import { CONFIRM_ALWAYS, describeAlways, isAlways } from "../../approver/screen/always.ts";
import { answerLines } from "../../approver/screen/answer-lines.ts";
import { MIN_WIDTH, Pages, pageKeys } from "../../approver/screen/pages.ts";
import { secondsLeft } from "../../approver/screen/seconds-left.ts";
import { cut, type Size, wrap } from "../../approver/screen/text.ts";
import { answersTo } from "../../policy/describe/answer.ts";
import { describeQuestion } from "../../policy/describe/question.ts";
import { describeRequest, onHosts } from "../../policy/describe/request.ts";
import { type Answer, DEAF_FOR, type Question } from "../../policy/question.ts";

/** How many decisions are kept to be shown. */
const MAX_RECENT = 200;

const TITLE = "muxguard watch";
const LOCKED = `${TITLE} - locked (muxguard unlock)`;
const KEYS = "↑↓ question  ←→ answer  Enter gives it  q quit";

/** What the guards say. */
export interface Seen {
  /** That wait now, the oldest first. */
  questions: readonly Question[];
  locked: boolean;
}

export interface Choice {
  question: Question;
  answer: Answer;
}

export class WatchModel {
  #questions: Question[] = [];
  /** When each of them was first seen. */
  #seen = new Map<string, number>();
  #selected: string | undefined;
  /** From when on keys count for it. */
  #armedAt = 0;
  #answer = 0;
  /** "Always", once it was chosen and until it is confirmed. */
  #confirming: Answer | undefined;
  readonly #pages = new Pages();
  #isLocked = false;
  #recent: string[] = [];
  #notice = "";

  update({ questions, locked }: Seen, now: number): void {
    this.#isLocked = locked;
    this.#seen = new Map(questions.map(({ id }) => [id, this.#seen.get(id) ?? now]));
    const place = this.#questions.findIndex(({ id }) => id === this.#selected);
    this.#questions = [...questions];
    if (this.#current) return;
    this.#select(questions[Math.min(Math.max(place, 0), questions.length - 1)], now + DEAF_FOR);
  }

  /** Lines of the log. */
  decided(lines: readonly string[]): void {
    this.#recent = [...this.#recent, ...lines].slice(-MAX_RECENT);
  }

  notice(text: string): void {
    this.#notice = text;
  }

  /** @returns the answer to give */
  key(name: string | undefined, now: number): Choice | undefined {
    const question = this.#current;
    if (!question) return undefined;
    this.#notice = "";
    const answers = answersTo(question).map(({ value }) => value);
    const page = pageKeys.get(name);
    if (page) this.#pages.turn(page);
    else if (this.#confirming) return this.#confirm(question, this.#confirming, name);
    switch (name) {
      case "up":
        return this.#step(-1);
      case "down":
        return this.#step(1);
      case "left":
        this.#answer = Math.max(0, this.#answer - 1);
        return undefined;
      case "right":
        this.#answer = Math.min(answers.length - 1, this.#answer + 1);
        return undefined;
      case "return":
        return this.#choose(question, answers[this.#answer], now);
      default:
        return undefined;
    }
  }

  #choose(question: Question, answer: Answer | undefined, now: number): Choice | undefined {
    if (!answer) return undefined;
    if (now < this.#armedAt) {
      this.#answer = 0; // what was typed before the question was there has moved it, too
      this.#notice = "too early: keys count a second after the question came up";
      return undefined;
    }
    if (!isAlways(answer)) return { question, answer };
    this.#confirming = answer;
    this.#pages.reset();
    return undefined;
  }

  #confirm(question: Question, answer: Answer, name: string | undefined): Choice | undefined {
    this.#confirming = undefined;
    this.#answer = 0;
    this.#pages.reset();
    return name === "y" ? { question, answer } : undefined;
  }

  #step(by: number): undefined {
    const at = this.#questions.findIndex(({ id }) => id === this.#selected) + by;
    const next = this.#questions[Math.min(Math.max(at, 0), this.#questions.length - 1)];
    if (next && next.id !== this.#selected) this.#select(next, (this.#seen.get(next.id) ?? 0) + DEAF_FOR);
  }

  #select(question: Question | undefined, armedAt: number): void {
    this.#selected = question?.id;
    this.#armedAt = armedAt;
    this.#answer = 0;
    this.#confirming = undefined;
    this.#pages.reset();
  }

  get #current(): Question | undefined {
    return this.#questions.find(({ id }) => id === this.#selected);
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
    const foot = ["", dim(cut(this.#notice || KEYS, width))];
    const room = Math.max(0, rows - 1 - head.length - foot.length);
    const list = this.#list(width, Math.max(count > 1 ? 2 : 1, Math.floor(room / 4)), date);
    const asked = this.#asked(width, Math.max(0, room - list.length));
    const left = room - list.length - asked.length;
    return [...head, ...list, ...asked, ...this.#log(width, left), ...foot].slice(-Math.max(1, rows - 1));
  }

  /** As many as there is room for, the one under the keys among them, and how many are left out. */
  #list(width: number, room: number, date: number): string[] {
    const count = this.#questions.length;
    const most = count > room ? room - 1 : room;
    const at = Math.max(
      0,
      this.#questions.findIndex(({ id }) => id === this.#selected),
    );
    const first = Math.max(0, Math.min(at - most + 1, count - most));
    const lines = this.#questions.slice(first, first + most).map((question) => {
      const { id, hosts } = question;
      const request = hosts ? onHosts(question.request, hosts.length) : question.request;
      const seconds = secondsLeft(question, date);
      const line = cut(`${id}  ${String(seconds).padStart(4)} s  ${describeRequest(request)}`, width - 2);
      return id === this.#selected ? cyan(`❯ ${line}`) : `  ${line}`;
    });
    return count > room ? [...lines, dim(cut(`  … and ${count - most} more`, width))] : lines;
  }

  /** The question that the keys are for, and its answers, which are always there. */
  #asked(width: number, room: number): string[] {
    const question = this.#current;
    if (!question) return [];
    const [said, answers] = this.#confirming
      ? [describeAlways(question), wrap(CONFIRM_ALWAYS, width).map(bold)]
      : [describeQuestion(question), this.#answers(question, width)];
    const text = said.flatMap((line) => wrap(line, width));
    const shown = this.#pages.show(text, Math.max(0, room - answers.length - 2), width);
    return ["", ...shown, "", ...answers].slice(0, room);
  }

  #answers(question: Question, width: number): string[] {
    const names = answersTo(question).map(({ name }) => name);
    return answerLines(names, this.#answer, width, (name) => cyan(`❯ ${name}`));
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

const style = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
const [bold, dim, red, cyan] = [style(1, 22), style(2, 22), style(31, 39), style(36, 39)];

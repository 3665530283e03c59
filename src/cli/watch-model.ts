/**
 * What `muxguard watch` knows and shows: the questions that wait, which of them the keys are for, and what was decided. No I/O; times are milliseconds of one clock.
 *
 * Keys don't count for a question in its first second, nor in the first second after it came under the keys by itself, because the one before was answered elsewhere.
 *
 * No letter or digit answers: a terminal types them by itself where somebody has it report a colour or where its cursor is (xterm's ctlseqs, OSC 11 and DSR), and any
 * process of the user's may write that to it, one inside of a run too. There is no Enter in what it reports.
 */
import { cut, type Size, textWidth, wrap } from "../approver/screen-text.ts";
import { answersTo, describeQuestion, describeRequest, onHosts } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";

const DEAF_FOR = 1000;

/** How many decisions are kept to be shown. */
const MAX_RECENT = 200;

const TITLE = "muxguard watch";
const KEYS = "↑↓ question  ←→ answer  Enter gives it  q quit";

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
  #recent: string[] = [];
  #notice = "";

  /** @param questions that wait now, the oldest first */
  update(questions: readonly Question[], now: number): void {
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
    if (now >= this.#armedAt) return { question, answer };
    this.#notice = "too early: keys count a second after the question came up";
    return undefined;
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
  }

  get #current(): Question | undefined {
    return this.#questions.find(({ id }) => id === this.#selected);
  }

  /** The lines of a screen. @param date the wall clock's time, in milliseconds, for what remains of a question's time */
  lines({ columns, rows }: Size, date: number): string[] {
    const width = columns - 1; // the last column would wrap
    const count = this.#questions.length;
    const waiting =
      count === 0 ? "nothing waits for an answer" : `${count} ${count === 1 ? "waits" : "wait"}`;
    const head = [`${bold(cut(TITLE, width))}${cut(`  ${waiting}`, Math.max(1, width - TITLE.length))}`, ""];
    const foot = ["", dim(cut(this.#notice || KEYS, width))];
    const room = Math.max(0, rows - 1 - head.length - foot.length);
    const list = this.#list(width, Math.max(1, Math.floor(room / 4)), date);
    const asked = this.#asked(width, Math.max(0, room - list.length));
    const left = room - list.length - asked.length;
    return [...head, ...list, ...asked, ...this.#log(width, left), ...foot].slice(-Math.max(1, rows - 1));
  }

  #list(width: number, room: number, date: number): string[] {
    const at = Math.max(
      0,
      this.#questions.findIndex(({ id }) => id === this.#selected),
    );
    const first = Math.max(0, Math.min(at - room + 1, this.#questions.length - room));
    return this.#questions.slice(first, first + room).map((question) => {
      const { id, hosts, asked, timeout } = question;
      const request = hosts ? onHosts(question.request, hosts.length) : question.request;
      const seconds = Math.max(0, Math.ceil((Date.parse(asked) + timeout - date) / 1000));
      const line = cut(`${id}  ${String(seconds).padStart(4)} s  ${describeRequest(request)}`, width - 2);
      return id === this.#selected ? cyan(`❯ ${line}`) : `  ${line}`;
    });
  }

  /** The question that the keys are for, and its answers, which are always there. */
  #asked(width: number, room: number): string[] {
    const question = this.#current;
    if (!question) return [];
    const answers = answerLines(
      answersTo(question).map(({ name }) => cut(name, width - 4)),
      this.#answer,
      width,
    );
    const text = describeQuestion(question).flatMap((line) => wrap(line, width));
    const most = Math.max(0, room - answers.length - 2);
    const shown =
      text.length <= most
        ? text
        : [...text.slice(0, Math.max(0, most - 1)), cut("… more than fits here", width)];
    return ["", ...shown, "", ...answers].slice(0, room);
  }

  #log(width: number, room: number): string[] {
    if (room < 3) return Array<string>(Math.max(0, room)).fill("");
    const lines = this.#recent.slice(-(room - 2)).map((line) => cut(line, width));
    return ["", dim("─".repeat(width)), ...lines, ...Array<string>(room - 2 - lines.length).fill("")];
  }
}

/** Side by side, in as many lines as they need. */
function answerLines(names: readonly string[], chosen: number, width: number): string[] {
  const lines = [""];
  let columns = 0;
  for (const [at, name] of names.entries()) {
    const wanted = textWidth(name) + 4;
    if (columns > 0 && columns + wanted > width) {
      lines.push("");
      columns = 0;
    }
    lines.push(`${lines.pop()}${at === chosen ? cyan(`❯ ${name}`) : `  ${name}`}  `);
    columns += wanted;
  }
  return lines;
}

const style = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
const [bold, dim, cyan] = [style(1, 22), style(2, 22), style(36, 39)];

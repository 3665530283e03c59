/**
 * A question that has a small screen to itself, such as a popup: its text, and the answers below with "deny"
 * under the cursor, or side by side where the rows are few. Drawn without a library, as loading one would
 * take longer than everything else between the request and its question.
 */
import { emitKeypressEvents } from "node:readline";
import { answersTo } from "../../policy/describe/answer.ts";
import { describeQuestion } from "../../policy/describe/question.ts";
import type { Answer, Question } from "../../policy/question.ts";
import type { OpenTerminal } from "../terminal/open-terminal.ts";
import { CONFIRM_ALWAYS, describeAlways, isAlways } from "./always.ts";
import { answerLines } from "./answer-lines.ts";
import { MIN_WIDTH, Pages, pageKeys } from "./pages.ts";
import { secondsLeft } from "./seconds-left.ts";
import { cut, type Size, textWidth, wrap } from "./text.ts";

/**
 * How often size and text are looked at, in milliseconds: a terminal that is not the process's own tells
 * nobody of its size.
 */
const INTERVAL = 200;

/** Lines besides the text and the answers. */
const FOOT = 3;

const KEYS = "↑↓ choose, Enter answers, Esc denies";

const denied: Answer = { decision: "deny", reason: "you said no" };

/** The size that the question would like to have. @param columns the most there are */
export function sizeOf(question: Question, columns: number, isUtf8: boolean): Size {
  const text = shownOn(isUtf8, describeQuestion(question));
  const widest = Math.max(...[...text, KEYS].map(textWidth)) + 1;
  const width = Math.min(columns, widest);
  const lines = text.flatMap((line) => wrap(line, width - 1));
  return { columns: width, rows: lines.length + answersTo(question).length + FOOT };
}

/**
 * @param isUtf8 whether the terminal can show more than ASCII. Rejects when it is gone or the question
 * withdrawn
 */
export function choose(
  terminal: OpenTerminal,
  question: Question,
  signal: AbortSignal,
  isUtf8: boolean,
): Promise<Answer> {
  const screen = new ChoiceScreen(question, isUtf8);
  let shown = "";
  const draw = (): void => {
    const drawn = screen.draw(terminal.size(), Date.now());
    if (drawn === shown) return;
    shown = drawn;
    terminal.output.write(drawn);
  };
  return new Promise((resolve, reject) => {
    const ended = AbortSignal.any([signal, terminal.gone]);
    const timer = setInterval(draw, INTERVAL);
    const settle = (then: () => void): void => {
      clearInterval(timer);
      ended.removeEventListener("abort", withdrawn);
      then();
    };
    const withdrawn = (): void => settle(() => reject(ended.reason));
    if (ended.aborted) return withdrawn();
    ended.addEventListener("abort", withdrawn);
    emitKeypressEvents(terminal.keys);
    terminal.keys.on("keypress", (_, key: Key) => {
      const answer = screen.key(key);
      if (answer) settle(() => resolve(answer));
      else draw();
    });
    draw();
  });
}

interface Key {
  name?: string;
  ctrl?: boolean;
}

export class ChoiceScreen {
  readonly #question: Question;
  readonly #answers: { name: string; value: Answer }[];
  readonly #isUtf8: boolean;
  readonly #pages = new Pages();
  #at = 0;
  /** "Always", once it was chosen and until it is confirmed. */
  #confirming: Answer | undefined;

  constructor(question: Question, isUtf8 = true) {
    this.#question = question;
    this.#answers = answersTo(question);
    this.#isUtf8 = isUtf8;
  }

  /** @returns the answer, once there is one */
  key({ name, ctrl }: Key): Answer | undefined {
    if (ctrl) return name === "c" ? denied : undefined;
    const page = pageKeys.get(name);
    if (page) this.#pages.turn(page);
    else if (this.#confirming) return this.#confirm(this.#confirming, name);
    else if (name === "up" || name === "left") this.#at = Math.max(0, this.#at - 1);
    else if (name === "down" || name === "right") this.#at = Math.min(this.#answers.length - 1, this.#at + 1);
    else if (name === "escape") return denied;
    else if (name === "return") return this.#choose(this.#answers[this.#at]?.value ?? denied);
    return undefined;
  }

  #choose(answer: Answer): Answer | undefined {
    if (!isAlways(answer)) return answer;
    this.#confirming = answer;
    this.#pages.reset();
    return undefined;
  }

  #confirm(answer: Answer, name: string | undefined): Answer | undefined {
    this.#confirming = undefined;
    this.#at = 0;
    this.#pages.reset();
    return name === "y" ? answer : undefined;
  }

  /**
   * The whole screen, without a cursor. @param date the wall clock's time, in milliseconds, for what remains
   * of the question's time
   */
  draw({ columns, rows }: Size, date: number): string {
    const width = Math.max(MIN_WIDTH, columns - 1); // the last column would wrap
    const lines = this.#confirming ? this.#rule(width, rows) : this.#asked(width, rows, date);
    return `\x1b[?25l\x1b[H${lines.slice(-rows).join("\x1b[K\r\n")}\x1b[K\x1b[J`;
  }

  #asked(width: number, rows: number, date: number): string[] {
    const text = this.#wrapped(describeQuestion(this.#question), width);
    const names = this.#answers.map(({ name }) => name);
    const isTall = text.length + names.length + FOOT <= rows;
    const choices = isTall
      ? names.map((name, at) => this.#choice(cut(name, width - 2), at === this.#at))
      : answerLines(names, this.#at, width, (name) => this.#choice(name, true));
    const foot = [
      ...(isTall ? [""] : []),
      bold(cut(`Allow it? (${secondsLeft(this.#question, date)} s left)`, width)),
      ...choices,
      dim(cut(this.#isUtf8 ? KEYS : KEYS.replace("↑↓", "Arrows"), width)),
    ];
    return [...this.#pages.show(text, Math.max(0, rows - foot.length), width), ...foot];
  }

  #rule(width: number, rows: number): string[] {
    const text = this.#wrapped(describeAlways(this.#question), width);
    const foot = ["", ...wrap(CONFIRM_ALWAYS, width).map(bold)];
    return [...this.#pages.show(text, Math.max(0, rows - foot.length), width), ...foot];
  }

  #wrapped(text: readonly string[], width: number): string[] {
    return shownOn(this.#isUtf8, text).flatMap((line) => wrap(line, width));
  }

  #choice(name: string, isChosen: boolean): string {
    return isChosen ? `\x1b[36m${this.#isUtf8 ? "❯" : ">"} ${name}\x1b[39m` : `  ${name}`;
  }
}

/** Muxguard's own signs in ASCII; tmux shows the rest that the terminal can't as "_". */
function shownOn(isUtf8: boolean, text: readonly string[]): readonly string[] {
  if (isUtf8) return text;
  return text.map((line) => line.replaceAll("←", "<-").replaceAll("→", "->").replaceAll("…", "..."));
}

function bold(text: string): string {
  return `\x1b[1m${text}\x1b[22m`;
}

function dim(text: string): string {
  return `\x1b[2m${text}\x1b[22m`;
}

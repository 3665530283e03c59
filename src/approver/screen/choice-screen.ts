/**
 * A question on a screen, in several ways: inline, below the output of whatever runs on the terminal; alone on a
 * screen, such as a popup; and among other lines, as `muxguard watch` has it. Drawn without a library:
 * loading one would take longer than everything else between the request and its question.
 */
import { answersTo } from "../../policy/describe/answer.ts";
import { describeBriefly } from "../../policy/describe/brief.ts";
import type { Question } from "../../policy/question.ts";
import { CONFIRM_ALWAYS } from "./always.ts";
import { answerLines } from "./answer-lines.ts";
import { fewRows, HEADING, questionRows } from "./brief.ts";
import type { Choice } from "./choice.ts";
import { MIN_WIDTH } from "./pages.ts";
import { secondsLeft } from "./seconds-left.ts";
import { bold, cyan, dim } from "./style.ts";
import { cut, type Size, textWidth, wrap } from "./text.ts";

/** Lines besides the text and the answers. */
const FOOT = 3;

const KEYS = "↑↓ choose, Enter answers, Esc denies";

/** Where there is more to read, and where that is read. */
const MORE = ["PgDn: more", "PgUp: back"] as const;

/** From the cursor to the end of the screen. */
export const ERASE = "\x1b[J";

/** IND: the column stays, and the screen scrolls if it must. */
const NEXT_LINE = "\x1bD";

/** DECSC and DECRC: the cursor with its column and colours, which may be those of an unfinished line. */
const SAVE = "\x1b7";
const RESTORE = "\x1b8";

const HOME = "\x1b[H";
const HIDE_CURSOR = "\x1b[?25l";

/** The size of a popup that the question would like to have. @param columns the most there are */
export function sizeOf(question: Question, columns: number, isUtf8: boolean): Size {
  const text = shownOn(isUtf8, describeBriefly(question));
  const widest = Math.max(...[...text, `${KEYS}, ${MORE[0]}`].map(textWidth)) + 1;
  const width = Math.min(columns, widest);
  return { columns: width, rows: fewRows(text, width - 1).length + answersTo(question).length + FOOT };
}

/** These lines alone on the screen, from its first one. */
export function fill(lines: readonly string[]): string {
  return `${HOME}${lines.join("\x1b[K\r\n")}\x1b[K${ERASE}`;
}

export class ChoiceScreen {
  readonly #choice: Choice;
  readonly #isUtf8: boolean;

  /** @param isUtf8 whether the terminal can show more than ASCII */
  constructor(choice: Choice, isUtf8 = true) {
    this.#choice = choice;
    this.#isUtf8 = isUtf8;
  }

  /**
   * The whole screen, without a cursor: text, and the answers below, side by side where the rows are few.
   * @param date the wall clock's time, in milliseconds, for what remains of the question's time
   */
  popup(size: Size, date: number): string {
    return this.#whole(size, date, "");
  }

  /** The same on a whole terminal, where nothing else says whose question it is. */
  full(size: Size, date: number): string {
    return this.#whole(size, date, HEADING);
  }

  #whole({ columns, rows }: Size, date: number, heading: string): string {
    const width = Math.max(MIN_WIDTH, columns - 1); // the last column would wrap
    const text = this.#text(width, heading);
    const seconds = secondsLeft(this.#choice.question, date);
    const foot = this.#choice.isConfirming
      ? ["", ...wrap(CONFIRM_ALWAYS, width).map(bold)]
      : this.#answers(
          `${heading === "" ? "" : "? "}Allow it? (${seconds} s left)`,
          width,
          rows - text.length,
        );
    const page = this.#choice.page(text, Math.max(0, rows - foot.length), width);
    return `${HIDE_CURSOR}${fill([...page, ...foot].slice(-rows))}`;
  }

  /**
   * The answers to a text that stands above the cursor, below an empty line. The cursor goes back to where it
   * was, so that nothing has to be known of what others print meanwhile. That takes the place of the answers,
   * the next drawing puts them below it, and ERASE takes away nothing but them.
   */
  inline({ columns, rows }: Size): string {
    const width = Math.max(MIN_WIDTH, columns - 1);
    const room = Math.max(1, rows - 1);
    const foot = this.#choice.isConfirming
      ? ["", ...wrap(CONFIRM_ALWAYS, width).map(bold)]
      : this.#answers("? Allow it?", width, room, this.#choice.isBrief ? 0 : 1);
    const lines = this.#choice.isBrief
      ? foot.slice(-room)
      : [...this.#choice.page(this.#text(width), Math.max(0, room - foot.length), width), ...foot].slice(
          -room,
        );
    // the place that is saved is one of the screen: nothing may scroll after that
    const makeRoom = `${NEXT_LINE.repeat(lines.length)}\x1b[${lines.length}A`;
    return `${ERASE}${makeRoom}${SAVE}\x1b[m\r\n${lines.join("\r\n")}${RESTORE}`;
  }

  /** As a part of a screen: text, and the answers side by side. They are always there. */
  embedded(width: number, room: number): string[] {
    const foot = this.#choice.isConfirming
      ? wrap(CONFIRM_ALWAYS, width).map(bold)
      : answerLines(this.#choice.names, this.#choice.at, width, (name) => this.#choiceOf(name, true));
    const page = this.#choice.page(this.#text(width), Math.max(0, room - foot.length - 2), width);
    return ["", ...page, "", ...foot].slice(0, room);
  }

  /** What is asked, the answers, and what keys do. @param gap lines above, where there is room */
  #answers(asked: string, width: number, room: number, gap = 1): string[] {
    const { names, at } = this.#choice;
    const isTall = names.length + FOOT - 1 + gap <= room;
    return [
      ...(isTall ? Array<string>(gap).fill("") : []),
      bold(cut(asked, width)),
      ...(isTall
        ? names.map((name, place) => this.#choiceOf(cut(name, width - 2), place === at))
        : answerLines(names, at, width, (name) => this.#choiceOf(name, true))),
      dim(cut(this.#keys(), width)),
    ];
  }

  #keys(): string {
    const keys = `${KEYS}, ${MORE[this.#choice.isBrief ? 0 : 1]}`;
    return this.#isUtf8 ? keys : keys.replace("↑↓", "Arrows");
  }

  /** The first line goes on from the heading, the others stand below it. */
  #text(width: number, heading = ""): string[] {
    return questionRows(shownOn(this.#isUtf8, this.#choice.text), width, this.#choice.isBrief, heading);
  }

  #choiceOf(name: string, isChosen: boolean): string {
    return isChosen ? cyan(`${this.#isUtf8 ? "❯" : ">"} ${name}`) : `  ${name}`;
  }
}

/** Muxguard's own signs in ASCII; tmux shows the rest that the terminal can't as "_". */
export function shownOn(isUtf8: boolean, text: readonly string[]): readonly string[] {
  if (isUtf8) return text;
  return text.map((line) => line.replaceAll("←", "<-").replaceAll("→", "->").replaceAll("…", "..."));
}

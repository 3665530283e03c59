/**
 * A line that is typed on a terminal: echoed, or a secret, which is not. No library has it in its hands, and
 * it is kept no longer than it takes to hand it on.
 */
import { visible } from "../../policy/visible.ts";
import type { Prompt } from "../prompter.ts";
import { CTRL_C, type Key, typed } from "../screen/keys.ts";
import { textWidth } from "../screen/text.ts";
import type { OpenTerminal } from "./open-terminal.ts";

export type LineKind = Exclude<Prompt["kind"], "notice">;

/** "interrupted" is Ctrl-C, "refused" is Ctrl-D on an empty line, or Esc. */
export type Typed = { line: string } | { no: "interrupted" | "refused" };

const MARK = "? ";

/** From the first column of the cursor's line to its end. */
const CLEAR = "\r\x1b[K";

export class LineEditor {
  readonly #kind: LineKind;
  readonly #mayEscape: boolean;
  #characters: string[] = [];

  /** @param mayEscape whether Esc gives up */
  constructor(kind: LineKind, mayEscape: boolean) {
    this.#kind = kind;
    this.#mayEscape = mayEscape;
  }

  /** @returns what it has come to, once it is over */
  key(key: Key): Typed | undefined {
    const { name, ctrl } = key;
    const character = typed(key);
    if (character !== undefined) this.#characters.push(character);
    else if (ctrl) return this.#control(name);
    else if (name === "backspace") this.#characters.pop();
    else if (name === "return" || name === "enter") return { line: this.#take() };
    else if (name === "escape" && this.#mayEscape) return this.#giveUp("refused");
    return undefined;
  }

  #control(letter: string): Typed | undefined {
    if (letter === "c") return this.#giveUp("interrupted");
    if (letter === "d" && this.#characters.length === 0) return this.#giveUp("refused");
    if (letter === "u") this.#forget();
    if (letter === "w") this.#characters.length = this.#lastWord();
    return undefined;
  }

  /** Where the last word begins. */
  #lastWord(): number {
    const isBlank = (at: number): boolean => this.#characters[at - 1] === " ";
    let at = this.#characters.length;
    while (at > 0 && isBlank(at)) at--;
    while (at > 0 && !isBlank(at)) at--;
    return at;
  }

  #take(): string {
    const line = this.#characters.join("");
    this.#forget();
    return line;
  }

  #giveUp(no: "interrupted" | "refused"): Typed {
    this.#forget();
    return { no };
  }

  #forget(): void {
    this.#characters.fill("");
    this.#characters = [];
  }

  /** The line on the screen, with the cursor behind it: as much of its end as there is room for. */
  draw(columns: number): string {
    if (this.#kind === "secret") return `${CLEAR}${MARK}`;
    let room = columns - MARK.length - 1;
    let shown = "";
    for (const character of [...this.#characters].reverse()) {
      const sign = character === "\\" ? character : visible(character);
      room -= textWidth(sign);
      if (room < 0) break;
      shown = sign + shown;
    }
    return `${CLEAR}${MARK}${shown}`;
  }
}

/** Rejects when the terminal is gone or the prompt withdrawn. */
export function readLine(terminal: OpenTerminal, editor: LineEditor, signal: AbortSignal): Promise<Typed> {
  const ended = AbortSignal.any([signal, terminal.gone]);
  const show = (): void => terminal.say(editor.draw(terminal.size().columns));
  return new Promise((resolve, reject) => {
    if (ended.aborted) return reject(ended.reason);
    const settle = (then: () => void): void => {
      ended.removeEventListener("abort", withdrawn);
      terminal.listen(() => {});
      terminal.say(CLEAR);
      then();
    };
    const withdrawn = (): void => settle(() => reject(ended.reason));
    ended.addEventListener("abort", withdrawn);
    terminal.listen((keys, counts) => {
      for (const key of keys) {
        if (key.name === "return") show(); // what came in one piece with its Enter is seen, too
        const over = counts || key === CTRL_C ? editor.key(key) : undefined;
        if (over) return settle(() => resolve(over));
      }
      show();
    });
    show();
  });
}

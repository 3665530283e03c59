/**
 * A question that has a small screen to itself, such as a popup: its text, and the answers below with "deny" under the cursor. Drawn without a library, as
 * loading one would take longer than everything else between the request and its question.
 */
import { emitKeypressEvents } from "node:readline";
import { answersTo, describeQuestion } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { OpenTerminal } from "./open-terminal.ts";
import { cut, type Size, textWidth, wrap } from "./screen-text.ts";

/** How often size and text are looked at, in milliseconds: a terminal that is not the process's own tells nobody of its size. */
const INTERVAL = 200;

/** Lines besides the text and the answers. */
const FOOT = 3;

const HEADING = "Allow it?";
const KEYS = "↑↓ choose, Enter answers";

/** The size that the question would like to have. @param columns the most there are */
export function sizeOf(question: Question, columns: number): Size {
  const text = describeQuestion(question);
  const widest = Math.max(...[...text, KEYS].map(textWidth)) + 1;
  const width = Math.min(columns, widest);
  const lines = text.flatMap((line) => wrap(line, width - 1));
  return { columns: width, rows: lines.length + answersTo(question).length + FOOT };
}

/** Rejects when the terminal is gone or the question withdrawn. */
export function choose(terminal: OpenTerminal, question: Question, signal: AbortSignal): Promise<Answer> {
  const answers = answersTo(question);
  const [deny] = answers;
  let at = 0;
  let shown = "";
  const draw = (): void => {
    const screen = render(question, at, terminal.size());
    if (screen === shown) return;
    shown = screen;
    terminal.output.write(screen);
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
    terminal.keys.on("keypress", (_, key: { name?: string; ctrl?: boolean }) => {
      if (key.name === "up") at = Math.max(0, at - 1);
      else if (key.name === "down") at = Math.min(answers.length - 1, at + 1);
      else if (key.name === "return") return settle(() => resolve((answers[at] ?? deny)?.value ?? denied));
      else if (key.name === "escape" || (key.ctrl && key.name === "c")) return settle(() => resolve(denied));
      draw();
    });
    draw();
  });
}

const denied: Answer = { decision: "deny", reason: "you said no" };

/** The whole screen: cleared, without a cursor. */
function render(question: Question, at: number, { columns, rows }: Size): string {
  const width = columns - 1; // the last column would wrap
  const choices = answersTo(question).map(({ name }, index) =>
    index === at ? `\x1b[36m❯ ${cut(name, width - 2)}\x1b[39m` : `  ${cut(name, width - 2)}`,
  );
  const foot = ["", `\x1b[1m${HEADING}\x1b[22m`, ...choices, `\x1b[2m${cut(KEYS, width)}\x1b[22m`];
  const text = describeQuestion(question).flatMap((line) => wrap(line, width));
  const room = rows - foot.length;
  const whole = text.length <= room;
  const head = whole ? text : [...text.slice(0, Math.max(0, room - 1)), cut("… more than fits here", width)];
  return `\x1b[?25l\x1b[H\x1b[2J${[...head, ...foot].slice(-rows).join("\r\n")}`;
}

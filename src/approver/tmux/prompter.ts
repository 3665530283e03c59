/**
 * Asks in tmux what ssh wants to know. What is typed goes from tmux to the popup's terminal, and from there
 * to this process: through no command line, option or buffer of tmux, and no file.
 *
 * A popup comes out of nowhere, with words that whoever asks has chosen: so it says who that is, below them,
 * where a long text can't push it away.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { DEAF_FOR } from "../../policy/question.ts";
import { type Prompt, type Prompter, withdrawn } from "../prompter.ts";
import { CTRL_C } from "../screen/keys.ts";
import { promptLines } from "../screen/prompt-text.ts";
import { cut, type Size, textWidth, wrap } from "../screen/text.ts";
import { LineEditor, readLine } from "../terminal/line.ts";
import type { OpenTerminal } from "../terminal/open-terminal.ts";
import { inPopup, type TmuxOptions, withoutTmux } from "./terminal.ts";

/** Room to type in. */
const MIN_COLUMNS = 60;

const HINTS = {
  secret: "Enter answers, Esc is a no",
  text: "Enter answers, Esc is a no",
  notice: "any key hides this",
};

export function createTmuxPrompter(options: TmuxOptions): Prompter {
  return {
    unavailable: () => withoutTmux(options),
    async prompt(prompt, signal) {
      const sizeIn = (columns: number): Size => sizeOf(prompt, columns);
      const { deafFor = DEAF_FOR } = options;
      const action = (terminal: OpenTerminal) => ask(terminal, prompt, deafFor, signal);
      const answer = await inPopup(options, { sizeIn, action }, signal);
      return prompt.kind === "notice" ? withdrawn(signal) : answer;
    },
  };
}

/** @returns undefined for a no, and for a notice that somebody has hidden */
async function ask(
  terminal: OpenTerminal,
  prompt: Prompt,
  deafFor: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { kind } = prompt;
  terminal.say(render(prompt, terminal.size()));
  if (kind === "notice") return anyKey(terminal, signal);
  const isCancelled = await waitToType(terminal, deafFor, signal);
  if (isCancelled) return undefined;
  const typed = await readLine(terminal, new LineEditor(kind, true), signal);
  return "line" in typed ? typed.line : undefined;
}

function anyKey(terminal: OpenTerminal, signal: AbortSignal): Promise<undefined> {
  const ended = AbortSignal.any([signal, terminal.gone]);
  return new Promise((resolve, reject) => {
    if (ended.aborted) return reject(ended.reason);
    ended.addEventListener("abort", () => reject(ended.reason));
    terminal.listen((keys, counts) => {
      if (counts || keys.includes(CTRL_C)) resolve(undefined);
    });
  });
}

/**
 * What is typed before there is a line to type in does not count. @returns whether it was given up
 * meanwhile
 */
async function waitToType(terminal: OpenTerminal, deafFor: number, signal: AbortSignal): Promise<boolean> {
  const cancelled = new AbortController();
  terminal.listen((keys) => keys.includes(CTRL_C) && cancelled.abort());
  const ended = AbortSignal.any([signal, terminal.gone]);
  try {
    await sleep(deafFor, undefined, { signal: AbortSignal.any([ended, cancelled.signal]) });
  } catch (error) {
    if (ended.aborted) throw ended.reason;
    if (!cancelled.signal.aborted) throw error;
  }
  return cancelled.signal.aborted;
}

function sizeOf(prompt: Prompt, columns: number): Size {
  const lines = [...promptLines(prompt.text), ...footOf(prompt)];
  const width = Math.min(columns, Math.max(MIN_COLUMNS, ...lines.map(textWidth)) + 1);
  const text = promptLines(prompt.text).flatMap((line) => wrap(line, width - 1));
  const foot = footOf(prompt).flatMap((line) => wrap(line, width - 1));
  return { columns: width, rows: text.length + foot.length + (prompt.kind === "notice" ? 0 : 1) };
}

function footOf({ asker, kind }: Prompt): string[] {
  return [...(asker === undefined ? [] : [`asked by: ${asker}`]), "", HINTS[kind]];
}

/** All but the line to type in, which comes below. */
function render(prompt: Prompt, { columns, rows }: Size): string {
  const width = columns - 1; // the last column would wrap
  const foot = footOf(prompt).flatMap((line) => wrap(line, width));
  const text = promptLines(prompt.text).flatMap((line) => wrap(line, width));
  const room = Math.max(1, rows - foot.length - (prompt.kind === "notice" ? 0 : 1));
  const head = text.length <= room ? text : [...text.slice(0, room - 1), cut("… more than fits here", width)];
  const end = prompt.kind === "notice" ? "\x1b[?25l" : "\r\n";
  return `\x1b[H\x1b[2J${[...head, ...foot].join("\r\n")}${end}`;
}

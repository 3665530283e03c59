/**
 * What ssh wants to know, asked on a terminal: a passphrase, a password, whether a host key is right. What is
 * typed is handed on, and kept nowhere.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { WriteStream } from "node:tty";
import { type Prompt, type Prompter, withdrawn } from "../prompter.ts";
import { promptLines } from "../screen/prompt-text.ts";
import { USUAL_COLUMNS, wrap } from "../screen/text.ts";
import { type OpenTerminal, openTerminal, type TerminalOptions, unavailable } from "./open-terminal.ts";

const hidden = { type: "password", name: "answer", message: "", toggleMask: false } as const;
const shownLine = { type: "input", name: "answer", message: "" } as const;

export function createTerminalPrompter(options: TerminalOptions): Prompter {
  return {
    unavailable: () => unavailable(options),
    prompt: ({ text, kind }, signal) =>
      kind === "notice" ? show(options, text, signal) : ask(options, text, kind, signal),
  };
}

async function ask(
  options: TerminalOptions,
  text: string,
  kind: LineKind,
  signal: AbortSignal,
): Promise<string | undefined> {
  const terminal = openTerminal(options, 0);
  try {
    terminal.say(`\n${promptLines(text).join("\n")}\n`);
    const line = await readLine(terminal, kind, signal);
    if (line === undefined) options.interrupted();
    return line;
  } finally {
    terminal.close();
  }
}

type LineKind = Exclude<Prompt["kind"], "notice">;

/** A line as it is typed, secrets without echo. @returns undefined for Ctrl-C */
export async function readLine(
  { keys, output, gone }: OpenTerminal,
  kind: LineKind,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { default: inquirer } = await import("inquirer");
  const ended = AbortSignal.any([signal, gone]);
  const context = { input: keys, output, signal: ended, clearPromptOnDone: true };
  try {
    const prompt = inquirer.createPromptModule(context);
    return (await prompt<{ answer: string }>([kind === "secret" ? hidden : shownLine])).answer;
  } catch (error) {
    if (ended.aborted) throw ended.reason;
    if (!(error instanceof Error) || error.name !== "ExitPromptError") throw error;
    return undefined;
  }
}

/** The keys stay with the program that waits, so that Ctrl-C ends it; the text goes when it is withdrawn. */
async function show(options: TerminalOptions, text: string, signal: AbortSignal): Promise<undefined> {
  const { path, mayTakeForeground } = options;
  const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  const stream = new WriteStream(fd);
  try {
    const lines = promptLines(text).flatMap((line) => wrap(line, stream.columns || USUAL_COLUMNS));
    writeSync(fd, `\r\n${lines.join("\r\n")}`);
    await withdrawn(signal);
    if (!mayTakeForeground(fd)) return; // the shell has written below it by now
    const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : "";
    writeSync(fd, `\r${up}\x1b[J`);
  } finally {
    stream.destroy();
    closeSync(fd);
  }
}

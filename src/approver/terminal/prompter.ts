/**
 * What ssh wants to know, asked on a terminal: a passphrase, a password, whether a host key is right. What is
 * typed is handed on, and kept nowhere.
 */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { WriteStream } from "node:tty";
import { type Prompter, withdrawn } from "../prompter.ts";
import { promptLines } from "../screen/prompt-text.ts";
import { USUAL_COLUMNS, wrap } from "../screen/text.ts";
import { LineEditor, type LineKind, readLine } from "./line.ts";
import { onTerminal, type TerminalOptions, unavailable } from "./open-terminal.ts";

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
  const typed = await onTerminal(options, 0, signal, (terminal) => {
    terminal.say(`\r\n${promptLines(text).join("\r\n")}\r\n`);
    return readLine(terminal, new LineEditor(kind, false), signal);
  });
  if ("line" in typed) return typed.line;
  if (typed.no === "interrupted") options.interrupted();
  return undefined;
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

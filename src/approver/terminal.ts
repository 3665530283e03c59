/**
 * Asks on a terminal: that of `muxguard run`. "Deny" is under the cursor, and what is typed in the first second is thrown away, so that neither a
 * stray Enter nor what was typed for the program approves anything. The terminal is given back as it was, whatever happens.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { ReadStream, WriteStream } from "node:tty";
import { describeAnswer, describeQuestion, describeRemember } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Approver } from "./approver.ts";

/** How long a prompt must have been on the screen before a key counts, in milliseconds. */
const DEAF_FOR = 1000;

export interface TerminalOptions {
  /** The terminal's device: `/dev/tty` is the process's own. */
  path: string;
  /** Whether this process may read from the open terminal: one in the background would be stopped (SIGTTIN). */
  mayTakeForeground: (fd: number) => boolean;
  /** Makes it so, and returns what undoes it. */
  takeForeground: (fd: number) => () => void;
  /** Ctrl-C at the prompt: denied, and the program is to hear of it. */
  interrupted: () => void;
}

export function createTerminalApprover(options: TerminalOptions): Approver {
  return {
    kind: "terminal",
    unavailable: () => unavailable(options),
    ask: (question, signal) => ask(options, question, signal),
  };
}

function unavailable({ path, mayTakeForeground }: TerminalOptions): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch {
    return "no terminal";
  }
  try {
    return mayTakeForeground(fd) ? undefined : "the terminal is another program's (in the background)";
  } finally {
    closeSync(fd);
  }
}

async function ask(options: TerminalOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  const { default: inquirer } = await import("inquirer");
  const reason = unavailable(options); // it may have changed while the question waited for its turn
  if (reason !== undefined) throw new Error(reason);
  const terminal = openTerminal(options);
  const { keys, output, say } = terminal;
  try {
    say(`\n${["muxguard:", ...describeQuestion(question)].join("\n  ")}\n`);
    const prompt = inquirer.createPromptModule({ input: keys, output, signal, clearPromptOnDone: true });
    const { answer } = await prompt<{ answer: Answer }>([
      { type: "select", name: "answer", message: "Allow it?", choices: choicesOf(question), default: 0 },
    ]);
    say(`muxguard: ${describeAnswer(answer)}\n`);
    return answer;
  } catch (error) {
    if (signal.aborted)
      say(`muxguard: ${signal.reason instanceof Error ? signal.reason.message : "withdrawn"}\n`);
    if (signal.aborted || !(error instanceof Error) || error.name !== "ExitPromptError") throw error;
    options.interrupted();
    return { decision: "deny", reason: "you interrupted it" };
  } finally {
    terminal.close();
  }
}

interface OpenTerminal {
  /** The keys that count. */
  keys: PassThrough;
  output: WriteStream;
  /** Writes at once, also after the prompt has ended its output. */
  say(text: string): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

const CTRL_C = "\x03";
/** Would stop this process alone, with the terminal in its hands. */
const CTRL_Z = "\x1a";

function openTerminal({ path, takeForeground }: TerminalOptions): OpenTerminal {
  const fd = openSync(path, "r+");
  // libuv opens the terminal anew for each of them, and leaves this descriptor to us (uv_tty_init)
  const input = new ReadStream(fd);
  const output = new WriteStream(fd);
  output.on("error", () => {}); // the terminal is gone: the answer will be, too
  const giveBack = takeForeground(fd);
  const restore = (): void => {
    input.setRawMode(false);
    giveBack();
  };
  process.once("exit", restore);
  input.setRawMode(true);
  const keys = new PassThrough();
  const shown = performance.now();
  input.setEncoding("utf8").on("data", (key: string) => {
    const counts = performance.now() - shown > DEAF_FOR || key.includes(CTRL_C);
    if (counts) keys.write(key.includes(CTRL_C) ? CTRL_C : key.replaceAll(CTRL_Z, ""));
  });
  const close = (): void => {
    restore();
    process.removeListener("exit", restore);
    input.destroy();
    output.destroy();
    closeSync(fd);
  };
  return { keys, output, say: (text) => void writeSync(fd, text), close };
}

function choicesOf(question: Question): { name: string; value: Answer }[] {
  const deny: Answer = { decision: "deny", reason: "you said no" };
  const allowed = question.choices.map((remember) => ({
    name: `allow ${describeRemember(remember)}`,
    value: { decision: "allow", remember } satisfies Answer,
  }));
  return [{ name: "deny", value: deny }, ...allowed];
}

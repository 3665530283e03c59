/**
 * Asks on a terminal: that of `muxguard run`. "Deny" is under the cursor, and what is typed in the first second is thrown away, so that neither a
 * stray Enter nor what was typed for the program approves anything. The terminal is given back as it was, whatever happens.
 */
import { closeSync, openSync } from "node:fs";
import { PassThrough } from "node:stream";
import { ReadStream, WriteStream } from "node:tty";
import { describeQuestion, describeRemember } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Approver } from "./approver.ts";

/** How long a prompt must have been on the screen before a key counts, in milliseconds. */
const DEAF_FOR = 1000;

export interface TerminalOptions {
  /** The terminal's device: `/dev/tty` is the process's own. */
  path: string;
  /** Whether this process may read from the open terminal: one in the background would be stopped (SIGTTIN). */
  inForeground: (fd: number) => boolean;
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

function unavailable({ path, inForeground }: TerminalOptions): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch {
    return "no terminal";
  }
  try {
    return inForeground(fd) ? undefined : "in the background";
  } finally {
    closeSync(fd);
  }
}

async function ask(
  { path, interrupted }: TerminalOptions,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const { default: inquirer } = await import("inquirer");
  const input = new ReadStream(openSync(path, "r+"));
  const output = new WriteStream(openSync(path, "r+"));
  const restore = (): void => void input.setRawMode(false);
  process.once("exit", restore);
  input.setRawMode(true);
  try {
    output.write(`\n${["muxguard:", ...describeQuestion(question)].join("\n  ")}\n`);
    const keys = new PassThrough();
    const shown = performance.now();
    input.on("data", (key) => performance.now() - shown > DEAF_FOR && keys.write(key));
    const prompt = inquirer.createPromptModule({ input: keys, output, signal });
    const { answer } = await prompt<{ answer: Answer }>([
      { type: "select", name: "answer", message: "Allow it?", choices: choicesOf(question), default: 0 },
    ]);
    return answer;
  } catch (error) {
    if (signal.aborted || !(error instanceof Error) || error.name !== "ExitPromptError") throw error;
    interrupted();
    return { decision: "deny", reason: "you interrupted it" };
  } finally {
    restore();
    process.removeListener("exit", restore);
    input.destroy();
    output.destroy();
  }
}

function choicesOf(question: Question): { name: string; value: Answer }[] {
  const deny: Answer = { decision: "deny", reason: "you said no" };
  const allowed = question.choices.map((remember) => ({
    name: `allow ${describeRemember(remember)}`,
    value: { decision: "allow", remember } satisfies Answer,
  }));
  return [{ name: "deny", value: deny }, ...allowed];
}

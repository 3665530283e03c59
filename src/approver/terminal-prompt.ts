/**
 * What ssh asks while the guard opens a connection: a passphrase, a password, whether a host key is right. The text may be a server's own
 * (keyboard-interactive), so no control character of it reaches the terminal. What is typed is handed on, and kept nowhere.
 */
import { visible } from "../policy/visible.ts";
import { openTerminal, type TerminalOptions, unavailable } from "./open-terminal.ts";
import type { Prompt, Prompter } from "./prompter.ts";

const MAX_LINES = 40;
const MAX_LINE = 300;

const hidden = { type: "password", name: "answer", message: "", toggleMask: false } as const;
const shownLine = { type: "input", name: "answer", message: "" } as const;

export function createTerminalPrompter(options: TerminalOptions): Prompter {
  return {
    unavailable: () => unavailable(options),
    prompt: (prompt, signal) => ask(options, prompt, signal),
  };
}

async function ask(
  options: TerminalOptions,
  prompt: Prompt,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { default: inquirer } = await import("inquirer");
  const terminal = openTerminal(options, 0);
  const { keys, output, say } = terminal;
  try {
    say(`\n${shown(prompt.text)}\n`);
    if (prompt.kind === "notice") return await withdrawn(signal);
    const module = inquirer.createPromptModule({ input: keys, output, signal, clearPromptOnDone: true });
    const { answer } = await module<{ answer: string }>([prompt.kind === "secret" ? hidden : shownLine]);
    return answer;
  } catch (error) {
    if (signal.aborted || !(error instanceof Error) || error.name !== "ExitPromptError") throw error;
    options.interrupted();
    return undefined;
  } finally {
    terminal.close();
  }
}

function withdrawn(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function shown(text: string): string {
  const lines = text.trimEnd().split("\n").slice(0, MAX_LINES);
  return lines.map((line) => visible(line, MAX_LINE)).join("\n");
}

/** The terminal of the program that asks. */
import type { Approver } from "../src/approver/approver.ts";
import type { Prompter } from "../src/approver/prompter.ts";
import { createTerminalApprover } from "../src/approver/terminal/approver.ts";
import { createTerminalPrompter } from "../src/approver/terminal/prompter.ts";
import { mayTakeForeground, takeForeground } from "../src/platform/proc/foreground.ts";
import { protectProcess } from "../src/platform/proc/protect.ts";
import type { Answer, Question } from "../src/policy/question.ts";
import { stopped } from "./stopped.ts";
import { inTerminalTurn } from "./terminal-turn.ts";

/** Ctrl-C goes to the program that asks, as it would have without us. */
const interrupted = (): void => void process.kill(process.ppid, "SIGINT");
const terminal = { path: "/dev/tty", mayTakeForeground, takeForeground, interrupted };

// what is typed here is an answer, or a secret
protectProcess();
const approver = createTerminalApprover(terminal);
const prompter = createTerminalPrompter(terminal);

export const ownApprover: Approver = {
  ...approver,
  ask: (question, signal) => inTerminalTurn(signal, () => approver.ask(question, signal)),
};

/** A notice takes no keys, and needs no turn. */
export const ownPrompter: Prompter = {
  ...prompter,
  prompt: (prompt, signal) =>
    prompt.kind === "notice"
      ? prompter.prompt(prompt, signal)
      : inTerminalTurn(signal, () => prompter.prompt(prompt, signal)),
};

export function askOnTerminal(question: Question, withdrawn: AbortSignal): Promise<Answer> {
  return ownApprover.ask(question, AbortSignal.any([withdrawn, stopped]));
}

/** The terminal of the program that asks. */
import { createTerminalApprover } from "../src/approver/terminal.ts";
import { mayTakeForeground, takeForeground } from "../src/platform/foreground.ts";
import type { Answer, Question } from "../src/policy/question.ts";
import { stopped } from "./stopped.ts";

/** Ctrl-C goes to the program that asks, as it would have without us. */
const interrupted = (): void => void process.kill(process.ppid, "SIGINT");

export const ownTerminal = { path: "/dev/tty", mayTakeForeground, takeForeground, interrupted };

export function askOnTerminal(question: Question, withdrawn: AbortSignal): Promise<Answer> {
  return createTerminalApprover(ownTerminal).ask(question, AbortSignal.any([withdrawn, stopped]));
}

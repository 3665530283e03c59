/** Asks whoever sits at the terminal of the program that asks, else through a program that shows a window. What is typed is handed on, and kept nowhere. */
import { createAskpassPrompter } from "../src/approver/askpass-prompt.ts";
import { nextAskpass } from "../src/approver/next-askpass.ts";
import type { Prompt, Prompter } from "../src/approver/prompter.ts";
import { createTerminalApprover } from "../src/approver/terminal.ts";
import { createTerminalPrompter } from "../src/approver/terminal-prompt.ts";
import { readConfig } from "../src/daemon/config.ts";
import { openPaths } from "../src/daemon/paths.ts";
import { mayTakeForeground, takeForeground } from "../src/platform/foreground.ts";
import { protectProcess } from "../src/platform/protect.ts";
import type { Answer, Question } from "../src/policy/question.ts";
import { visible } from "../src/policy/visible.ts";

/** Ctrl-C goes to the program that asks, as it would have without us. */
const interrupted = (): void => void process.kill(process.ppid, "SIGINT");
const terminal = { path: "/dev/tty", mayTakeForeground, takeForeground, interrupted };

/** Killed, it leaves neither a window nor a terminal without echo behind. */
const stopped = new AbortController();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
  process.once(signal, () => stopped.abort(new Error("withdrawn")));

/** How much of a question is repeated where nobody can be asked. */
const MAX_TOLD = 100;

export async function ask(prompt: Prompt): Promise<{ answer: string } | { denied: string }> {
  protectProcess();
  for (const prompter of await prompters()) {
    if (prompter.unavailable() !== undefined) continue;
    const answer = await prompter.prompt(prompt, stopped.signal).catch(unlessStopped);
    return answer === undefined ? { denied: "" } : { answer };
  }
  const what = visible(prompt.text.trim(), MAX_TOLD);
  return {
    denied: `muxguard-askpass: nobody can be asked for "${what}": no terminal, and no other askpass program`,
  };
}

function unlessStopped(error: Error): undefined {
  if (!stopped.signal.aborted) throw error;
}

/** A secret may be wanted where the settings are broken. */
async function prompters(): Promise<Prompter[]> {
  const configured = await readConfig(openPaths()).catch(() => undefined);
  const environment = { ...process.env, SSH_ASKPASS: process.env.SSH_ASKPASS ?? "muxguard-askpass" };
  const next = nextAskpass(environment, configured?.askpass);
  return [createTerminalPrompter(terminal), createAskpassPrompter(next)];
}

export function askOnTerminal(question: Question, withdrawn: AbortSignal): Promise<Answer> {
  return createTerminalApprover(terminal).ask(question, AbortSignal.any([withdrawn, stopped.signal]));
}

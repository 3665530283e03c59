/** The terminal of this process, on which the guard at the other end asks and reports. */
import type { Question } from "../../policy/question.ts";
import type { GuardConnection } from "../../rpc/connecting.ts";
import { checkedReport } from "../../rpc/quick-checks.ts";
import type { PromptRequest } from "../../rpc/requests.ts";
import { ownPrompter, ownTerminal, type TerminalUse } from "./terminal.ts";

export interface LentTerminal {
  /** Whether there is one to ask on. */
  canAsk: boolean;
  /** Takes from it what is asked. It also goes with the guard: nobody would say that it is withdrawn. */
  takeBack(reason: string): void;
}

/** @param report prints a line of the guard's */
export function lendTerminal(
  connection: GuardConnection,
  { report, ...use }: { report: (line: string) => void } & TerminalUse,
): LentTerminal {
  const terminal = ownTerminal(use);
  const prompter = ownPrompter(use);
  const ended = new AbortController();
  const until = (withdrawn: AbortSignal): AbortSignal => AbortSignal.any([withdrawn, ended.signal]);
  const takeBack = (reason: string): void => ended.abort(new Error(reason));
  connection.gone.addEventListener("abort", () => takeBack("the daemon has ended"), { once: true });
  connection.onNotification("report", checkedReport, ({ line }) => report(line));
  connection.onRequest("ask", believed<Question>, (question, withdrawn) =>
    terminal.ask(question, until(withdrawn)),
  );
  connection.onRequest(
    "prompt",
    believed<PromptRequest>,
    async (prompt, withdrawn) => (await prompter.prompt(prompt, until(withdrawn))) ?? null,
  );
  return { canAsk: terminal.unavailable() === undefined, takeBack };
}

/**
 * A guard's question is believed to be one, as connectGuard() has looked who asks. What can't be shown is not
 * answered.
 */
function believed<T>(value: unknown): T {
  return value as T;
}

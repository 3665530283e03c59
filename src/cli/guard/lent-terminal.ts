/** The terminal of this process, on which the guard at the other end asks and reports. */
import type { CancellationToken, MessageConnection } from "vscode-jsonrpc/node.js";
import { askRequest, promptRequest, reportNotification } from "../../rpc/rpc.ts";
import { ownPrompter, ownTerminal } from "./terminal.ts";

export interface LentTerminal {
  /** Whether there is one to ask on. */
  canAsk: boolean;
  /** Takes from it what is asked. It also goes with the guard: nobody would say that it is withdrawn. */
  takeBack(reason: string): void;
}

/**
 * @param report prints a line of the guard's
 * @param interrupted called for Ctrl-C at a prompt, which has the terminal raw
 */
export function lendTerminal(
  connection: MessageConnection,
  { report, interrupted }: { report: (line: string) => void; interrupted: () => void },
): LentTerminal {
  const terminal = ownTerminal(interrupted);
  const prompter = ownPrompter(interrupted);
  const ended = new AbortController();
  const until = (token: CancellationToken): AbortSignal => {
    const withdrawn = new AbortController();
    token.onCancellationRequested(() => withdrawn.abort(new Error("this is no longer asked")));
    return AbortSignal.any([withdrawn.signal, ended.signal]);
  };
  const takeBack = (reason: string): void => ended.abort(new Error(reason));
  connection.onClose(() => takeBack("the daemon has ended"));
  connection.onNotification(reportNotification, ({ line }) => report(line));
  connection.onRequest(askRequest, (question, token) => terminal.ask(question, until(token)));
  connection.onRequest(
    promptRequest,
    async (prompt, token) => (await prompter.prompt(prompt, until(token))) ?? null,
  );
  return { canAsk: terminal.unavailable() === undefined, takeBack };
}

/**
 * One question at a time: two prompts on one screen would overwrite each other, and an answer could go to the
 * wrong one.
 */
import type { Approver } from "./approver.ts";
import type { Prompter } from "./prompter.ts";

export type Turns = <T>(signal: AbortSignal, action: () => Promise<T>) => Promise<T>;

/** One after the other; what is withdrawn while it waits never begins. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (signal, action) => {
    const turn = last.then(() => {
      if (signal.aborted) throw new Error("withdrawn");
      return action();
    });
    last = turn.catch(() => {});
    return turn;
  };
}

export function inTurn(approver: Approver, turns = createTurns()): Approver {
  return {
    kind: approver.kind,
    unhurried: approver.unhurried ?? false,
    unavailable: (question) => approver.unavailable(question),
    ask: (question, signal) => turns(signal, () => approver.ask(question, signal)),
  };
}

export function promptInTurn(prompter: Prompter, turns: Turns): Prompter {
  return {
    unavailable: () => prompter.unavailable(),
    prompt: (prompt, signal) => turns(signal, () => prompter.prompt(prompt, signal)),
  };
}

/**
 * Asks on a terminal: that of `muxguard run`. Where the command has a terminal of its own, the question has
 * the whole screen. Else it stays there as text, below what the command has printed; the answers to choose
 * from stand below it for as long as it is open. The terminal is given back as it was, whatever happens.
 */
import { describeAnswer } from "../../policy/describe/answer.ts";
import { describeBriefly } from "../../policy/describe/brief.ts";
import { type Answer, DEAF_FOR, type Question } from "../../policy/question.ts";
import type { Approver } from "../approver.ts";
import { HEADING, questionRows } from "../screen/brief.ts";
import { Choice, INTERRUPTED } from "../screen/choice.ts";
import { ChoiceScreen, ERASE } from "../screen/choice-screen.ts";
import type { Size } from "../screen/text.ts";
import { choose } from "./choose.ts";
import { type OpenTerminal, onTerminal, type TerminalOptions, unavailable } from "./open-terminal.ts";

const DENIED = describeAnswer({ decision: "deny", reason: "" });

/** @param deafFor how long the keys of a question don't count, in milliseconds */
export function createTerminalApprover(options: TerminalOptions, deafFor = DEAF_FOR): Approver {
  return {
    kind: "terminal",
    unavailable: () => unavailable(options),
    async ask(question, signal) {
      const reason = unavailable(options); // it may have changed while the question waited for its turn
      if (reason !== undefined) throw new Error(reason);
      const answer = await onTerminal(options, deafFor, signal, (terminal, isAlone) =>
        isAlone ? askAlone(terminal, question, signal) : ask(terminal, question, signal),
      );
      if (answer === INTERRUPTED) options.interrupted();
      return answer;
    },
  };
}

/** The screen is empty, and nobody else writes on it. */
function askAlone(terminal: OpenTerminal, question: Question, signal: AbortSignal): Promise<Answer> {
  const choice = new Choice(question);
  const screen = new ChoiceScreen(choice, isUtf8());
  return choose(terminal, choice, { draw: (size, date) => screen.full(size, date) }, signal);
}

async function ask(terminal: OpenTerminal, question: Question, signal: AbortSignal): Promise<Answer> {
  // a denial is told by whoever is denied, with its reason
  const conclude = (text: string): void =>
    terminal.say(text === DENIED ? ERASE : `${ERASE}muxguard: ${text}\r\n`);
  const choice = new Choice(question);
  const screen = new ChoiceScreen(choice, isUtf8());
  // with carriage returns: a program may have turned off that the terminal adds them
  terminal.say(`\r\n${textFor(question, terminal.size()).join("\r\n")}\r\n`);
  try {
    // a terminal that is hung up ends the run, which withdraws the question
    const drawing = { draw: (size: Size) => screen.inline(size), isShared: true };
    const answer = await choose(terminal, choice, drawing, signal);
    conclude(describeAnswer(answer, question));
    return answer;
  } catch (error) {
    if (signal.aborted) conclude(signal.reason instanceof Error ? signal.reason.message : "withdrawn");
    throw error;
  }
}

/** The console of Linux has few characters. */
function isUtf8(): boolean {
  return process.env.TERM !== "linux";
}

/**
 * In lines of its own: one that the terminal breaks goes on in the first column. The last column is left
 * free.
 */
function textFor(question: Question, { columns }: Size): string[] {
  return questionRows(describeBriefly(question), columns - 1, true, HEADING);
}

/**
 * Asks on a terminal: that of `muxguard run`. "Deny" is under the cursor, and what is typed in the first
 * second is thrown away, so that neither a stray Enter nor what was typed for the program approves anything.
 * The terminal is given back as it was, whatever happens.
 */
import { type PassThrough, Transform } from "node:stream";
import { answersTo, describeAnswer } from "../../policy/describe/answer.ts";
import { describeQuestion } from "../../policy/describe/question.ts";
import { type Answer, DEAF_FOR, type Question } from "../../policy/question.ts";
import type { Approver } from "../approver.ts";
import { type Size, USUAL_COLUMNS, wrap } from "../screen/text.ts";
import { openTerminal, type TerminalOptions, unavailable } from "./open-terminal.ts";

const DENIED = describeAnswer({ decision: "deny", reason: "" });

export function createTerminalApprover(options: TerminalOptions): Approver {
  return {
    kind: "terminal",
    unavailable: () => unavailable(options),
    ask: (question, signal) => ask(options, question, signal),
  };
}

async function ask(options: TerminalOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  const { default: inquirer } = await import("inquirer");
  const reason = unavailable(options); // it may have changed while the question waited for its turn
  if (reason !== undefined) throw new Error(reason);
  const terminal = openTerminal(options, DEAF_FOR);
  const { output, say } = terminal;
  const keys = answerKeys(terminal.keys);
  // a denial is told by whoever is denied, with its reason
  const conclude = (text: string): void => (text === DENIED ? undefined : say(`muxguard: ${text}\n`));
  try {
    say(`\n${["muxguard:", ...textFor(question, terminal.size())].join("\n  ")}\n`);
    const prompt = inquirer.createPromptModule({ input: keys, output, signal, clearPromptOnDone: true });
    const { answer } = await prompt<{ answer: Answer }>([
      { type: "select", name: "answer", message: "Allow it?", choices: answersTo(question), default: 0 },
    ]);
    conclude(describeAnswer(answer));
    return answer;
  } catch (error) {
    if (signal.aborted) conclude(signal.reason instanceof Error ? signal.reason.message : "withdrawn");
    if (signal.aborted || !(error instanceof Error) || error.name !== "ExitPromptError") throw error;
    options.interrupted();
    return { decision: "deny", reason: "you interrupted it" };
  } finally {
    terminal.close();
  }
}

/**
 * In lines of its own: one that the terminal breaks goes on in the first column. The last column is left
 * free.
 */
function textFor(question: Question, { columns }: Size): string[] {
  return describeQuestion(question).flatMap((line) => wrap(line, (columns || USUAL_COLUMNS) - 3));
}

const ESCAPE = "\x1b";
const CTRL_C = "\x03";
/** Arrows, Enter and Ctrl-C. */
const ANSWER_KEYS = new RegExp(`${ESCAPE}[[O][AB]|[\r${CTRL_C}]`, "g");

/**
 * The keys that choose. Digits would, too, and the terminal types those by itself where the program that it
 * is shared with has it report where its cursor is (xterm's ctlseqs, DSR): a yes would lie under the cursor
 * of a user who presses Enter for no.
 */
function answerKeys(keys: PassThrough): Transform {
  return keys.pipe(
    new Transform({
      transform: (chunk, _, done) => done(null, String(chunk).match(ANSWER_KEYS)?.join("") ?? ""),
    }),
  );
}

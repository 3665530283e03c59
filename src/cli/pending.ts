/** `muxguard pending`: the questions that wait. */

import { secondsLeft } from "../approver/screen/seconds-left.ts";
import { wrap } from "../approver/screen/text.ts";
import { describeRemember } from "../policy/describe/answer.ts";
import { describeQuestion } from "../policy/describe/question.ts";
import type { Question } from "../policy/question.ts";
import type { GuardConnection } from "../rpc/connecting.ts";
import { askGuard } from "../rpc/replies.ts";
import { toStderr, toStdout, toStdoutAsJson } from "../to-stderr.ts";
import { eachGuard } from "./guards/guards.ts";

/** An id, and two blanks. */
const INDENT = 8;

export async function pending({ json }: { json?: boolean }): Promise<void> {
  const seen = await eachGuard((guard) =>
    Promise.all([askGuard(guard, "pending", null), whatIsWrong(guard)]),
  );
  const questions = seen.flatMap(([waiting]) => waiting);
  for (const line of new Set(seen.flatMap(([, wrong]) => wrong))) toStderr(`muxguard: ${line}`);
  if (json) {
    for (const question of questions) toStdoutAsJson(JSON.stringify(question));
    return;
  }
  if (questions.length === 0) toStdout("nothing waits for an answer");
  for (const question of questions) {
    const lines = [...describeQuestion(question), ...describeChoices(question)].flatMap(wrapped);
    for (const [at, line] of lines.entries())
      toStdout(`${(at === 0 ? question.id : "").padEnd(INDENT)}${line}`);
  }
}

/** Told beside the questions, which are there without it. */
async function whatIsWrong(guard: GuardConnection): Promise<string[]> {
  return askGuard(guard, "status", null).then(
    ({ wrong }) => wrong,
    () => [],
  );
}

/** On a terminal; other programs get each line whole. */
function wrapped(line: string): string[] {
  const { columns } = process.stdout;
  return columns === undefined ? [line] : wrap(line, Math.max(2 * INDENT, columns - INDENT - 1));
}

function describeChoices(question: Question): string[] {
  const { id, yes } = question;
  const once = yes === "once" ? "" : "; with --once this time alone";
  return [
    `muxguard approve ${id} allows it ${describeRemember(yes, question)}${once}; muxguard deny ${id} denies it`,
    `without an answer it is denied in ${secondsLeft(question, Date.now())} seconds`,
  ];
}

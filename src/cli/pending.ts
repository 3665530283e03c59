/** `muxguard pending`: the questions that wait. */

import { secondsLeft } from "../approver/screen/seconds-left.ts";
import { wrap } from "../approver/screen/text.ts";
import { describeRemember } from "../policy/describe/answer.ts";
import { describeQuestion } from "../policy/describe/question.ts";
import type { Question } from "../policy/question.ts";
import { askGuard } from "../rpc/replies.ts";
import { toStderr } from "../to-stderr.ts";
import { eachGuard } from "./guards/guards.ts";

/** An id, and two blanks. */
const INDENT = 8;

export async function pending({ json }: { json?: boolean }): Promise<void> {
  const seen = await eachGuard((guard) =>
    Promise.all([askGuard(guard, "pending", null), askGuard(guard, "status", null)]),
  );
  const questions = seen.flatMap(([waiting]) => waiting);
  for (const line of new Set(seen.flatMap(([, { wrong }]) => wrong))) toStderr(`muxguard: ${line}`);
  if (json) {
    for (const question of questions) process.stdout.write(`${JSON.stringify(question)}\n`);
    return;
  }
  if (questions.length === 0) process.stdout.write("nothing waits for an answer\n");
  for (const question of questions) {
    const lines = [...describeQuestion(question), ...describeChoices(question)].flatMap(wrapped);
    process.stdout.write(`${question.id.padEnd(INDENT)}${lines.join(`\n${" ".repeat(INDENT)}`)}\n`);
  }
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
    `muxguard approve ${id} allows it ${describeRemember(yes)}${once}; muxguard deny ${id} denies it`,
    `without an answer it is denied in ${secondsLeft(question, Date.now())} seconds`,
  ];
}

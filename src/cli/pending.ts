/** `muxguard pending`: the questions that wait. */
import { pendingRequest } from "../daemon/rpc.ts";
import { describeQuestion, describeRemember } from "../policy/describe.ts";
import { eachGuard } from "./guards.ts";

export async function pending({ json }: { json?: boolean }): Promise<void> {
  const questions = (await eachGuard((guard) => guard.sendRequest(pendingRequest, null))).flat();
  if (json) {
    for (const question of questions) process.stdout.write(`${JSON.stringify(question)}\n`);
    return;
  }
  if (questions.length === 0) process.stdout.write("nothing waits for an answer\n");
  for (const question of questions) {
    const [first = "", ...more] = describeQuestion(question);
    const choices = `muxguard approve ${question.id} allows it ${describeRemember(question.yes)}`;
    process.stdout.write(`${question.id}  ${[first, ...more, choices].join("\n        ")}\n`);
  }
}

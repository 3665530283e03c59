/** `muxguard approve` and `muxguard deny`: answers from another terminal. */
import type { MessageConnection } from "vscode-jsonrpc/node.js";
import { answerRequest, pendingRequest } from "../daemon/rpc.ts";
import { describeRemember, describeRequest } from "../policy/describe.ts";
import { describeDuration, parseDuration } from "../policy/duration.ts";
import type { Remember } from "../policy/grants.ts";
import type { Answer, Question } from "../policy/question.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { eachGuard } from "./guards.ts";

export interface ApproveOptions {
  once?: boolean;
  for?: string;
  run?: boolean;
}

export async function approve(id: string, options: ApproveOptions): Promise<void> {
  const question = await answerOne(id, (found) => ({ decision: "allow", remember: wanted(options, found) }));
  process.stdout.write(
    `allowed ${describeRemember(wanted(options, question))}: ${describeRequest(question.request)}\n`,
  );
}

export async function deny(id: string): Promise<void> {
  const question = await answerOne(id, () => ({ decision: "deny", reason: "you said no" }));
  process.stdout.write(`denied: ${describeRequest(question.request)}\n`);
}

/** @throws CliError for more than the question offers */
function wanted(options: ApproveOptions, { choices, longest, yes }: Question): Remember {
  if (options.once) return "once";
  if (options.run) {
    if (choices.includes("run")) return "run";
    throw new CliError("this can't be remembered for a run", exitCodes.usage);
  }
  if (options.for === undefined) return yes;
  const milliseconds = parseDuration(options.for);
  if (milliseconds === undefined)
    throw new CliError(`not a duration, such as "10m": ${options.for}`, exitCodes.usage);
  if (longest !== undefined && milliseconds > longest) {
    const most = longest === 0 ? "it is never remembered" : `at most ${describeDuration(longest)}`;
    throw new CliError(`not for that long: ${most}`, exitCodes.usage);
  }
  return { milliseconds };
}

/** The one question whose id begins so, in whichever guard it waits. An empty id, as of an unset variable in a script, means none. */
async function answerOne(prefix: string, answerTo: (question: Question) => Answer): Promise<Question> {
  const matching = async (guard: MessageConnection): Promise<Question[]> => {
    const questions = await guard.sendRequest(pendingRequest, null);
    return questions.filter(({ id }) => prefix !== "" && id.startsWith(prefix));
  };
  const [found, ...others] = (await eachGuard(matching)).flat();
  if (!found) throw new CliError(`no question ${prefix} waits for an answer (muxguard pending)`, 1);
  if (others.length > 0) throw new CliError(`several questions begin with ${prefix} (muxguard pending)`, 1);
  const answer = answerTo(found);
  const results = await eachGuard((guard) => guard.sendRequest(answerRequest, { id: found.id, answer }));
  if (!results.includes(true))
    throw new CliError(`question ${found.id} was answered already, or its rule wants another approver`, 1);
  return found;
}

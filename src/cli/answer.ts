/** `muxguard approve` and `muxguard deny`: answers from another terminal. */

import { describeRemember } from "../policy/describe/answer.ts";
import { hostName } from "../policy/describe/caller.ts";
import { atHost, describeRequest, onHosts } from "../policy/describe/request.ts";
import { describeDuration, parseDuration } from "../policy/duration.ts";
import type { Remember } from "../policy/grants.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { GuardConnection } from "../rpc/connecting.ts";
import { askGuard } from "../rpc/replies.ts";
import { toStdout } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { eachGuard, useUnderstood } from "./guards/guards.ts";

export interface ApproveOptions {
  once?: boolean;
  for?: string;
  lasting?: boolean;
  run?: boolean;
  session?: boolean;
  always?: boolean;
  /** Of several that the question lists, this one alone. */
  host?: string;
}

export async function approve(id: string, options: ApproveOptions): Promise<void> {
  const question = await answerOne(id, "approve", options.host, (found) => ({
    decision: "allow",
    remember: wanted(options, found),
  }));
  toStdout(
    `allowed ${describeRemember(wanted(options, question), question)}: ${describeRequest(question.request)}`,
  );
}

export async function deny(id: string, options: Pick<ApproveOptions, "for" | "host">): Promise<void> {
  const remember = options.for === undefined ? undefined : { milliseconds: durationOf(options.for) };
  const answer: Answer = { decision: "deny", reason: "you said no", ...(remember && { remember }) };
  const question = await answerOne(id, "deny", options.host, () => answer);
  const length = remember ? ` ${describeRemember(remember)}` : "";
  toStdout(`denied${length}: ${describeRequest(question.request)}`);
}

const lasting = ["lasting", "run", "session", "always"] as const;
const refusals = {
  lasting: "this can't be remembered while it lasts: nobody would see it end",
  run: "this can't be remembered for a run",
  session: "this can't be remembered for a login session",
  always:
    "this can't be made a rule: its rule limits how long it is remembered, or no rule could match it alone",
};

/** @throws CliError for more than the question offers */
function wanted(options: ApproveOptions, { choices, longest, yes }: Question): Remember {
  if (options.once) return "once";
  const wish = lasting.find((length) => options[length]);
  if (wish === "lasting" && choices.includes("run") && !choices.includes(wish)) return "run";
  if (wish && !choices.includes(wish)) throw new CliError(refusals[wish], exitCodes.usage);
  if (wish) return wish;
  if (options.for === undefined) return yes;
  const milliseconds = durationOf(options.for);
  if (longest !== undefined && milliseconds > longest) {
    const most = longest === 0 ? "it is never remembered" : `at most ${describeDuration(longest)}`;
    throw new CliError(`not for that long: ${most}`, exitCodes.usage);
  }
  return { milliseconds };
}

/** The question, and what it is about at each of its hosts. */
function each(question: Question): Question[] {
  const { hosts = [], ...single } = question;
  const alone = hosts.map(({ id, name }) => ({ ...single, id, request: atHost(question.request, name) }));
  return [
    { ...question, request: hosts.length > 0 ? onHosts(question.request, hosts.length) : question.request },
    ...alone,
  ];
}

/** What to say where the question is there and the host is not. */
function withoutHost({ id, hosts, request }: Question, host: string): string {
  const names =
    hosts?.map(({ name }) => name) ?? (request.destination?.names[0] ? [hostName(request.destination)] : []);
  const lists = names.length > 0 ? `it lists ${names.join(", ")}` : "it lists no hosts";
  return `question ${id} lists no ${host}; ${lists}`;
}

/** Only of a question that lists hosts: any other is about one host anyway. */
function isAt({ destination }: Question["request"], host: string): boolean {
  return destination?.names[0] === host;
}

/** @throws CliError */
function durationOf(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined)
    throw new CliError(`not a duration, such as "10m": ${text}`, exitCodes.usage);
  return milliseconds;
}

/**
 * The one question whose id begins so, in whichever guard it waits. An empty id, as of an unset variable in a
 * script, means none.
 */
async function answerOne(
  prefix: string,
  purpose: "approve" | "deny",
  host: string | undefined,
  answerTo: (question: Question) => Answer,
): Promise<Question> {
  const matching = async (guard: GuardConnection, path: string): Promise<[Question, string][]> => {
    const questions = await askGuard(guard, "pending", purpose);
    const known = questions.flatMap(each).filter(({ id }) => prefix !== "" && id.startsWith(prefix));
    return known.map((question) => [question, path]);
  };
  const known = (await eachGuard(matching)).flat();
  const meant = known.flatMap(([question, path]): [Question, string][] =>
    host === undefined
      ? [[question, path]]
      : each(question)
          .filter(({ request }) => isAt(request, host))
          .map((one) => [one, path]),
  );
  const [match, ...others] = meant;
  if (!match && host !== undefined && known[0] && known.length === 1)
    throw new CliError(withoutHost(known[0][0], host), 1);
  if (!match) throw new CliError(`no question ${prefix} waits for an answer (muxguard pending)`, 1);
  if (others.length > 0) throw new CliError(`several questions begin with ${prefix} (muxguard pending)`, 1);
  const [found, path] = match;
  const answer = answerTo(found);
  const [answered] = await useUnderstood(path, (guard) =>
    askGuard(guard, "answer", { id: found.id, answer }),
  );
  if (!answered)
    throw new CliError(`question ${found.id} was answered already, or its rule wants another approver`, 1);
  return found;
}

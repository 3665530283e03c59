/** `muxguard watch`: the questions that wait, on the whole screen, and what is decided. */

import { setTimeout as sleep } from "node:timers/promises";
import { CTRL_C } from "../../approver/screen/keys.ts";
import { Lock } from "../../daemon/lock.ts";
import { messageOf } from "../../errors.ts";
import { describeAnswer } from "../../policy/describe/answer.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import type { Question } from "../../policy/question.ts";
import type { GuardConnection } from "../../rpc/connecting.ts";
import { askGuard } from "../../rpc/replies.ts";
import { openPaths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { eachGuard, useUnderstood } from "../guards/guards.ts";
import { describeEventBriefly } from "../log/describe-event.ts";
import { parseEvent } from "../log/fields.ts";
import { Tail } from "../log/tail.ts";
import type { FleetView } from "./fleet.ts";
import { type Answered, type Seen, WatchModel } from "./model.ts";
import { takeScreen } from "./screen.ts";

/** How often guards and log are looked at, in milliseconds. */
const INTERVAL = 250;

/** How much of the log is shown from before, in bytes. */
const HISTORY = 64 * 1024;

/** The questions of other machines, where they are wanted. */
let fleet: FleetView | undefined;

export async function watch(options: { fleet?: boolean }): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new CliError("muxguard watch needs a terminal", exitCodes.usage);
  const model = new WatchModel();
  if (options.fleet)
    fleet = await (await import("./fleet.ts")).viewFleet(openPaths(), (line) => model.notice(line));
  model.update(await look(), performance.now()); // refused inside of a run: before the screen is taken
  const ended = new AbortController();
  for (const signal of ["SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      process.exitCode = 1;
      ended.abort();
    });
  const screen = takeScreen((size) => model.lines(size, Date.now()));
  screen.listen((key) => {
    if (key === CTRL_C || (key.name === "q" && !key.ctrl)) return ended.abort();
    const answered = model.key(key, performance.now());
    screen.draw();
    if (!answered) return;
    const tell = (told: string): void => {
      model.notice(told);
      screen.draw();
    };
    answer(answered).then(tell, (error) => tell(messageOf(error)));
  });
  try {
    const over = AbortSignal.any([ended.signal, screen.gone]);
    await Promise.race([follow(model, screen.draw, over), aborted(over)]);
  } finally {
    screen.giveBack();
    await fleet?.close();
  }
}

/** Not waiting for a guard that does not answer. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

/** Keeps the model as the guards and the log have it, until the signal comes. */
async function follow(model: WatchModel, redraw: () => void, signal: AbortSignal): Promise<void> {
  const tail = new Tail(openPaths().log, HISTORY);
  while (!signal.aborted) {
    try {
      model.decided([...tail.lines()].flatMap((line) => parseEvent(line) ?? []).map(describeEventBriefly));
      model.update(await look((line) => model.notice(line)), performance.now());
    } catch (error) {
      model.notice(messageOf(error)); // a guard that ended between the question and its answer, most likely
    }
    if (signal.aborted) return;
    redraw();
    await sleep(INTERVAL, undefined, { signal }).catch(() => {}); // it is over then
  }
}

/** Where the guard listens that asked. */
const askedAt = new WeakMap<Question, string>();

async function look(report?: (line: string) => void): Promise<Seen> {
  const ask = async (guard: GuardConnection, path: string): Promise<Seen> => {
    const [questions, { locked, wrong }] = await Promise.all([
      askGuard(guard, "pending", null),
      askGuard(guard, "status", null),
    ]);
    for (const question of questions) askedAt.set(question, path);
    return { questions, locked, wrong };
  };
  const seen = await eachGuard(ask, report);
  const questions = [...seen.flatMap((one) => one.questions), ...(fleet?.questions() ?? [])];
  return {
    questions: questions.sort((one, other) => one.asked.localeCompare(other.asked)),
    // for guards that begin later there is the file
    wrong: [...new Set([...seen.flatMap(({ wrong = [] }) => wrong), ...(fleet?.wrong() ?? [])])],
    locked: seen.some(({ locked }) => locked) || new Lock(openPaths(), () => {}).isOn,
  };
}

/** @returns what to tell */
async function answer({ question, answer }: Answered): Promise<string> {
  const { id, request } = question;
  if (question.machine !== undefined) return (await fleet?.answer(question, answer)) ?? "";
  try {
    const [answered] = await useUnderstood(
      askedAt.get(question) ?? "",
      (guard) => askGuard(guard, "answer", { id, answer }),
      () => {},
    );
    if (answered) return `${describeAnswer(answer, question)}: ${describeRequest(request)}`;
    return `question ${id} was answered already, or its rule wants another approver`;
  } catch (error) {
    return messageOf(error);
  }
}

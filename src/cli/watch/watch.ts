/** `muxguard watch`: the questions that wait, on the whole screen, and what is decided. */

import { setTimeout as sleep } from "node:timers/promises";
import { createPrompt, useEffect, useKeypress, useState } from "@inquirer/core";
import { Lock } from "../../daemon/lock.ts";
import { messageOf } from "../../errors.ts";
import { describeAnswer } from "../../policy/describe/answer.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import type { Question } from "../../policy/question.ts";
import type { GuardConnection } from "../../rpc/connecting.ts";
import { askGuard } from "../../rpc/replies.ts";
import { openPaths } from "../../settings/paths.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { describeEventBriefly } from "../describe-event.ts";
import { eachGuard, useGuard } from "../guards/guards.ts";
import { parseEvent, Tail } from "../log.ts";
import { type Choice, type Seen, WatchModel } from "./model.ts";

/** How often guards and log are looked at, in milliseconds. */
const INTERVAL = 250;

/** How much of the log is shown from before, in bytes. */
const HISTORY = 64 * 1024;

const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l\x1b[2J\x1b[H";
const LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l";
const CLEAR = "\x1b[2J\x1b[H";

export async function watch(): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new CliError("muxguard watch needs a terminal", exitCodes.usage);
  const model = new WatchModel();
  model.update(await look(), performance.now()); // refused inside of a run: before the screen is taken
  const stopped = new AbortController();
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.once(signal, () => stopped.abort(signal));
  const leave = (): void => void process.stdout.write(LEAVE_SCREEN);
  process.once("exit", leave);
  process.stdout.write(ENTER_SCREEN);
  try {
    await screenOf(model)(undefined, { signal: stopped.signal });
  } catch (error) {
    if (!(error instanceof Error && /^(Exit|Abort)PromptError$/.test(error.name))) throw error;
  } finally {
    process.removeListener("exit", leave);
    leave();
  }
  if (stopped.signal.aborted) process.exitCode = 1;
}

const screenOf = (model: WatchModel) =>
  createPrompt<void, undefined>((_, done) => {
    const [, draw] = useState(0);
    const redraw = (): void => draw(performance.now());
    useEffect((readline) => {
      readline.on("SIGTSTP", () => {}); // would stop it with the screen in its hands
      const resized = (): void => {
        process.stdout.write(CLEAR);
        redraw();
      };
      process.stdout.on("resize", resized);
      const ended = new AbortController();
      follow(model, redraw, ended.signal).catch(() => {});
      return () => {
        ended.abort();
        process.stdout.removeListener("resize", resized);
      };
    }, []);
    useKeypress(({ name, ctrl }, readline) => {
      readline.clearLine(0); // what is typed is not a line
      if (name === "q") return done();
      const choice = ctrl ? undefined : model.key(name, performance.now());
      redraw();
      if (choice)
        answer(choice)
          .then((told) => model.notice(told))
          .then(redraw);
    });
    const { columns, rows } = process.stdout;
    return model.lines({ columns, rows }, Date.now()).join("\n");
  });

/** Keeps the model as the guards and the log have it, until the signal comes. */
async function follow(model: WatchModel, redraw: () => void, signal: AbortSignal): Promise<void> {
  const tail = new Tail(openPaths().log, HISTORY);
  while (!signal.aborted) {
    model.decided([...tail.lines()].flatMap((line) => parseEvent(line) ?? []).map(describeEventBriefly));
    try {
      model.update(await look((line) => model.notice(line)), performance.now());
    } catch (error) {
      model.notice(messageOf(error)); // a guard that ended between the question and its answer, most likely
    }
    redraw();
    await sleep(INTERVAL, undefined, { signal });
  }
}

/** Where the guard listens that asked. */
const askedAt = new WeakMap<Question, string>();

async function look(report?: (line: string) => void): Promise<Seen> {
  const ask = async (guard: GuardConnection, path: string): Promise<Seen> => {
    const [questions, { locked }] = await Promise.all([
      askGuard(guard, "pending", null),
      askGuard(guard, "status", null),
    ]);
    for (const question of questions) askedAt.set(question, path);
    return { questions, locked };
  };
  const seen = await eachGuard(ask, report);
  const questions = seen.flatMap((one) => one.questions);
  return {
    questions: questions.sort((one, other) => one.asked.localeCompare(other.asked)),
    // for guards that begin later there is the file
    locked: seen.some(({ locked }) => locked) || new Lock(openPaths().runtime, () => {}).isOn,
  };
}

/** @returns what to tell */
async function answer({ question, answer }: Choice): Promise<string> {
  const { id, request } = question;
  try {
    const [answered] = await useGuard(
      askedAt.get(question) ?? "",
      (guard) => askGuard(guard, "answer", { id, answer }),
      () => {},
    );
    if (answered) return `${describeAnswer(answer)}: ${describeRequest(request)}`;
    return `question ${id} was answered already, or its rule wants another approver`;
  } catch (error) {
    return messageOf(error);
  }
}

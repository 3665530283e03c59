/**
 * Asks through an SSH_ASKPASS program, as OpenSSH's ask_permission() does (readpass.c): the question is its
 * argument, SSH_ASKPASS_PROMPT is "confirm", and consent is exit 0 with nothing or "yes" on stdout.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describeRemember } from "../../policy/describe/answer.ts";
import { describeBriefly } from "../../policy/describe/brief.ts";
import type { Answer, Question } from "../../policy/question.ts";
import type { Approver } from "../approver.ts";
import { moreElsewhere } from "../screen/brief.ts";
import { dialogText } from "./dialog-text.ts";
import { runAskpass } from "./program.ts";

/**
 * In milliseconds. No program says when its window is up, so OK does not count for the time to get there, and
 * for a second on the screen. On a machine so busy that it takes longer to get there, the second is shorter.
 */
const TIMES = {
  /** From the start of a program with a display to when its OK counts. */
  deafFor: 1500,
  /** From an OK that did not count to the next start: a key that is held down has time to be let go. */
  pause: 1000,
};

/** How often a program is started for one question. */
const MAX_TRIES = 3;

/** @param environment of the guard; never that of the process that asks */
export function createAskpassApprover(environment: NodeJS.ProcessEnv, times = TIMES): Approver {
  return {
    kind: "askpass",
    unhurried: true,
    unavailable: () => unavailable(environment),
    ask: (question, signal) => ask({ environment, times }, question, signal),
  };
}

/**
 * The same conditions as OpenSSH: a program, and a display unless SSH_ASKPASS_REQUIRE says that it needs
 * none. ssh(1).
 */
function unavailable(environment: NodeJS.ProcessEnv): string | undefined {
  if (!environment.SSH_ASKPASS) return "SSH_ASKPASS is not set";
  const required = environment.SSH_ASKPASS_REQUIRE?.toLowerCase();
  if (required === "never") return "SSH_ASKPASS_REQUIRE is never";
  if (required === "force" || hasDisplay(environment)) return undefined;
  return "no display (SSH_ASKPASS_REQUIRE=force if it needs none)";
}

interface Options {
  environment: NodeJS.ProcessEnv;
  times: typeof TIMES;
}

/**
 * OK is the default button of these programs and takes the focus, so an Enter that was meant for another
 * window says yes. One that early does not count, and the program is started again. However often it happens
 * it never becomes a yes: a key that is held down, as in a pager, answers each new window at once, and a
 * program in a run knows when its user does that. What answers so quickly three times is no person: no
 * answer.
 */
async function ask(
  { environment, times }: Options,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const started = performance.now();
    const asked = { text: promptText(question, tries > 1), hint: "confirm" } as const;
    const { code, line } = await runAskpass(environment, asked, signal);
    const said = line.toLowerCase();
    if (code !== 0 || said === "no") return { decision: "deny", reason: "you said no" };
    if (performance.now() - started >= times.deafFor || !hasDisplay(environment))
      return answerOf(said, question);
    if (tries === MAX_TRIES)
      throw new Error(
        `it said OK at once, ${tries} times; to answer without a person, write a rule or a \`command\``,
      );
    await sleep(times.pause, undefined, { signal });
  }
}

function answerOf(said: string, { yes }: Question): Answer {
  if (said === "" || said === "yes") return { decision: "allow", remember: yes };
  return { decision: "deny", reason: "you said no" };
}

/** Where there is none, no window comes up under a key. */
function hasDisplay({ DISPLAY, WAYLAND_DISPLAY }: NodeJS.ProcessEnv): boolean {
  return Boolean(DISPLAY || WAYLAND_DISPLAY);
}

function promptText(question: Question, again: boolean): string {
  const early = again ? ["Your last answer came too soon to count."] : [];
  return dialogText(describeBriefly(question), [
    ...moreElsewhere(question),
    ...early,
    `Allow it ${describeRemember(question.yes, question)}?`,
  ]);
}

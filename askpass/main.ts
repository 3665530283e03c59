/**
 * SSH_ASKPASS, GIT_ASKPASS and SUDO_ASKPASS. Questions of yes or no are decided by a guard: the one that
 * MUXGUARD_PROMPTS names, as inside of a run, else the daemon, else here, by the same policy. Secrets are
 * asked for, handed on, and kept nowhere. The rules are those of OpenSSH's readpass.c: the answer is a line
 * on stdout, and anything but exit 0 is a no.
 *
 * It is started for each question, so little is loaded before it is known what is needed.
 */

import { existsSync, writeSync } from "node:fs";
import { messageOf } from "../src/errors.ts";
import { endOnFaults } from "../src/faults.ts";
import { version } from "../src/installation.ts";
import { promptKind } from "../src/policy/openssh-prompt.ts";
import type { AskpassAnswer, AskpassQuestion } from "../src/rpc/requests.ts";
import { toStderr } from "../src/to-stderr.ts";
import { isInForeground } from "./in-foreground.ts";

/**
 * How often to look whether whoever asks is still there, in milliseconds: it doesn't tell when it is killed.
 */
const LOOK_EVERY = 1000;

async function answer({ text, hint, terminal }: AskpassQuestion): Promise<AskpassAnswer> {
  const kind = promptKind(text, hint);
  const { MUXGUARD_PROMPTS: named } = process.env;
  const question = { text, terminal, ...(hint !== undefined && { hint }) };
  const answered = named === undefined ? undefined : await ask(named, question);
  if (answered) return answered;
  if (kind !== "confirm") return { here: kind };
  if (named !== undefined) throw new Error("the guard that MUXGUARD_PROMPTS names has ended");
  const { openPaths } = await import("../src/settings/paths.ts");
  const paths = openPaths();
  return (await ask(paths.askpassSocket, question)) ?? (await import("./alone.ts")).decide(paths, question);
}

/** Undefined if no guard listens there. */
async function ask(socket: string, question: AskpassQuestion): Promise<AskpassAnswer | undefined> {
  return existsSync(socket) ? (await import("./ask-guard.ts")).askGuard(socket, question) : undefined;
}

const HELP = [
  "muxguard-askpass answers what OpenSSH, git and sudo ask: set SSH_ASKPASS, GIT_ASKPASS or SUDO_ASKPASS to it.",
  "They start it with the question, and read the answer from its stdout.\n",
].join("\n");

/**
 * What a person reads who tries it out; undefined where this is a question. A question may be any text, and
 * exit 0 is a yes to some: so only where no program reads the answer is it 0.
 */
async function triedOut(words: string[]): Promise<{ said: string; code: number } | undefined> {
  const [text, ...more] = words;
  if (more.length > 0 || process.env.SSH_ASKPASS_PROMPT !== undefined) return undefined;
  const { isatty } = await import("node:tty"); // most of what it brings with it, a question does without
  const code = isatty(1) ? 0 : 1;
  if (text === "--help" || text === "-h") return { said: HELP, code };
  if (text === "--version" || text === "-V") return { said: `${version()}\n`, code };
  return text === undefined && isatty(1) ? { said: HELP, code: 1 } : undefined;
}

/** Without Node's streams, which take longer to make than it takes to answer. @throws Error if nobody reads it */
function say(text: string): void {
  let left = Buffer.from(text);
  while (left.length > 0) left = left.subarray(writeSync(1, left));
}

async function main(): Promise<void> {
  try {
    process.exitCode = await askpass();
  } catch (error) {
    toStderr(`muxguard-askpass: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}

async function askpass(): Promise<number> {
  const tried = await triedOut(process.argv.slice(2));
  if (tried) {
    say(tried.said);
    return tried.code;
  }
  const { SSH_ASKPASS_PROMPT: hint, MUXGUARD_ASKED: asked } = process.env;
  if (asked !== undefined) throw new Error("asked on its own behalf; set askpass in config.toml");
  const [, , text = ""] = process.argv;
  const terminal = isInForeground();
  let answered = await answer({ text, terminal, ...(hint !== undefined && { hint }) });
  if ("here" in answered) answered = await (await import("./ask.ts")).ask({ text, kind: answered.here });
  if ("answer" in answered && !(hint === "confirm" && !/^y(?:es)?$/i.test(answered.answer))) {
    say(`${answered.answer}\n`);
    return 0;
  }
  if ("denied" in answered && answered.denied !== "") toStderr(answered.denied);
  return 1;
}

const parent = process.ppid;
// by a signal: what is on a screen has to leave it
setInterval(() => process.ppid !== parent && process.kill(process.pid, "SIGTERM"), LOOK_EVERY).unref();
endOnFaults("muxguard-askpass");
void main();

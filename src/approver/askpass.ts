/**
 * Asks through an SSH_ASKPASS program, as OpenSSH's ask_permission() does (readpass.c): the question is its argument, SSH_ASKPASS_PROMPT is
 * "confirm", and consent is exit 0 with nothing or "yes" on stdout.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { describeQuestion, describeRemember } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Approver } from "./approver.ts";

/** What OpenSSH reads of an answer, in bytes. */
const MAX_OUTPUT = 1024;

/** How long a program may take to end when its question is withdrawn, in milliseconds. */
const GRACE = 1000;

/** @param environment of the guard; never that of the process that asks */
export function createAskpassApprover(environment: NodeJS.ProcessEnv): Approver {
  return {
    kind: "askpass",
    unhurried: true,
    unavailable: () => unavailable(environment),
    ask: (question, signal) => ask(environment, question, signal),
  };
}

/** The same conditions as OpenSSH: a program, and a display unless SSH_ASKPASS_REQUIRE says that it needs none. ssh(1). */
function unavailable(environment: NodeJS.ProcessEnv): string | undefined {
  if (!environment.SSH_ASKPASS) return "SSH_ASKPASS is not set";
  const required = environment.SSH_ASKPASS_REQUIRE?.toLowerCase();
  if (required === "never") return "SSH_ASKPASS_REQUIRE is never";
  if (required === "force" || environment.DISPLAY || environment.WAYLAND_DISPLAY) return undefined;
  return "no display (SSH_ASKPASS_REQUIRE=force if it needs none)";
}

async function ask(environment: NodeJS.ProcessEnv, question: Question, signal: AbortSignal): Promise<Answer> {
  const child = spawn(environment.SSH_ASKPASS ?? "", [promptText(question)], {
    env: { ...environment, SSH_ASKPASS_PROMPT: "confirm" },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true, // a group of its own: where the program is a script, its dialog has to go with it
  });
  let grace: NodeJS.Timeout | undefined;
  const withdraw = (): void => {
    killGroup(child, "SIGTERM");
    grace = setTimeout(() => killGroup(child, "SIGKILL"), GRACE);
    child.stdout?.destroy();
  };
  signal.addEventListener("abort", withdraw, { once: true });
  try {
    const { code, output } = await finished(child);
    if (signal.aborted) throw new Error("withdrawn");
    if (code === null) throw new Error("the program was killed");
    const line = output.split(/[\r\n]/, 1)[0]?.toLowerCase();
    if (code === 0 && (line === "" || line === "yes")) return { decision: "allow", remember: question.yes };
    return { decision: "deny", reason: "you said no" };
  } finally {
    clearTimeout(grace);
    signal.removeEventListener("abort", withdraw);
  }
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // it has ended already
  }
}

function finished(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(0, MAX_OUTPUT);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** A first line of our own words: the programs of KDE and LXQt show all as HTML if there is a tag in it (Qt::mightBeRichText()), and a command may have one. */
function promptText(question: Question): string {
  return latin(
    `muxguard:\n${describeQuestion(question).join("\n")}\n\nAllow it ${describeRemember(question.yes)}?`,
  );
}

/** x11-ssh-askpass has the characters of Latin-1 alone. */
function latin(text: string): string {
  return text.replaceAll("←", "<-").replaceAll("→", "->").replaceAll("…", "...");
}

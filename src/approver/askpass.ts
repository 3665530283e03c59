/**
 * Asks through an SSH_ASKPASS program, as OpenSSH's ask_permission() does (readpass.c): the question is its argument, SSH_ASKPASS_PROMPT is
 * "confirm", and consent is exit 0 with nothing or "yes" on stdout.
 */
import { describeQuestion, describeRemember } from "../policy/describe.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Approver } from "./approver.ts";
import { runAskpass } from "./askpass-program.ts";

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
  const asked = { text: promptText(question), hint: "confirm" } as const;
  const { code, line } = await runAskpass(environment, asked, signal);
  if (code === 0 && (line === "" || line.toLowerCase() === "yes"))
    return { decision: "allow", remember: question.yes };
  return { decision: "deny", reason: "you said no" };
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

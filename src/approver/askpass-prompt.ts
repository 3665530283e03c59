/** Hands what ssh asks on to the user's own SSH_ASKPASS program. */
import { spawn } from "node:child_process";
import type { Prompt, Prompter } from "./prompter.ts";

/** What OpenSSH reads of an answer, in bytes. */
const MAX_OUTPUT = 1024;

/** @param environment of the guard */
export function createAskpassPrompter(environment: NodeJS.ProcessEnv): Prompter {
  return {
    unavailable: () => (environment.SSH_ASKPASS ? undefined : "SSH_ASKPASS is not set"),
    prompt: (prompt, signal) => ask(environment, prompt, signal),
  };
}

function ask(
  environment: NodeJS.ProcessEnv,
  { text, kind }: Prompt,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { SSH_ASKPASS_PROMPT: _, ...others } = environment;
  const child = spawn(environment.SSH_ASKPASS ?? "", [text], {
    env: kind === "notice" ? { ...others, SSH_ASKPASS_PROMPT: "none" } : others,
    stdio: ["ignore", "pipe", "ignore"],
    signal,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    output = (output + more).slice(0, MAX_OUTPUT);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code === 0 ? output.split(/[\r\n]/, 1)[0] : undefined));
  });
}

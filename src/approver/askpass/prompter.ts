/** Hands what ssh asks on to the user's own SSH_ASKPASS program. */

import type { Prompt, Prompter } from "../prompter.ts";
import { runAskpass } from "./program.ts";

/** @param environment of the guard */
export function createAskpassPrompter(environment: NodeJS.ProcessEnv): Prompter {
  return {
    unavailable: () => (environment.SSH_ASKPASS ? undefined : "no other askpass program"),
    prompt: (prompt, signal) => ask(environment, prompt, signal),
  };
}

async function ask(
  environment: NodeJS.ProcessEnv,
  { text, kind }: Prompt,
  signal: AbortSignal,
): Promise<string | undefined> {
  const question = { text, ...(kind === "notice" && { hint: "none" as const }) };
  const { code, line } = await runAskpass(environment, question, signal);
  return code === 0 ? line : undefined;
}

/**
 * The seam to whoever types what ssh wants to know: OpenSSH's read_passphrase() and notify_start()
 * (readpass.c).
 */

import { once } from "node:events";
import { messageOf } from "../errors.ts";

export interface Prompt {
  text: string;
  /**
   * "secret" is not shown while it is typed; "text" is; "notice" has no answer, and stays until it is
   * withdrawn.
   */
  kind: "secret" | "text" | "notice";
  /**
   * Who asks, in words that are safe for a screen: for where that can't be seen from the place of the prompt.
   */
  asker?: string;
}

export interface Prompter {
  /** If it is for prompts of one kind alone. */
  readonly only?: Prompt["kind"];

  /** Undefined if it can reach a person right now, otherwise why it can't. */
  unavailable(): string | undefined;

  /**
   * Rejects if it could not ask.
   * @param signal aborted when the answer is no longer wanted
   * @returns undefined for a no
   */
  prompt(prompt: Prompt, signal: AbortSignal): Promise<string | undefined>;
}

/**
 * Asks the first that can reach a person. Where it turns out that it can't, as nobody looks at its screen,
 * the next is asked.
 */
export async function promptFirst(
  prompters: readonly Prompter[],
  prompt: Prompt,
  signal: AbortSignal,
): Promise<{ answer: string | undefined } | { unreachable: string }> {
  const reasons: string[] = [];
  for (const prompter of prompters.filter(({ only = prompt.kind }) => only === prompt.kind)) {
    const unavailable = prompter.unavailable();
    if (unavailable !== undefined) {
      reasons.push(unavailable);
      continue;
    }
    try {
      return { answer: await prompter.prompt(prompt, signal) };
    } catch (error) {
      if (signal.aborted) throw error;
      reasons.push(messageOf(error));
    }
  }
  return { unreachable: reasons.join("; ") };
}

/** Until then a notice is shown, also by a process that has nothing else to wait for. */
export async function withdrawn(signal: AbortSignal): Promise<undefined> {
  const waiting = setInterval(() => {}, 60_000);
  if (!signal.aborted) await once(signal, "abort");
  clearInterval(waiting);
}

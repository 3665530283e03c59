/**
 * The terminal of another process of muxguard's, which alone can read from it: a question goes there, and the
 * answer comes back.
 */
import type { Approver } from "../approver/approver.ts";
import type { Prompter } from "../approver/prompter.ts";
import { ask, type ClientConnection } from "../rpc/serving.ts";

export function remoteTerminal(connection: ClientConnection): Approver {
  return {
    kind: "terminal",
    unavailable: () => undefined,
    ask: (question, signal) => ask(connection, "ask", question, signal),
  };
}

/** What ssh asks while it connects, asked on the terminal of whoever wanted it. */
export function remotePrompter(connection: ClientConnection): Prompter {
  return {
    unavailable: () => undefined,
    prompt: async (prompt, signal) => (await ask(connection, "prompt", prompt, signal)) ?? undefined,
  };
}

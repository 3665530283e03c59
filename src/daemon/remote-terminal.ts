/** The terminal of another process of muxguard's, which alone can read from it: a question goes there, and the answer comes back. */
import { CancellationTokenSource, type MessageConnection } from "vscode-jsonrpc/node.js";
import * as z from "zod/mini";
import type { Approver } from "../approver/approver.ts";
import type { Prompter } from "../approver/prompter.ts";
import type { Answer } from "../policy/question.ts";
import * as rpc from "./rpc.ts";

const duration = z.object({ milliseconds: z.int().check(z.minimum(0)) });

export const answerSchema = z.discriminatedUnion("decision", [
  z.object({
    decision: z.literal("allow"),
    remember: z.union([z.enum(["once", "run", "session", "always"]), duration]),
  }),
  z.object({ decision: z.literal("apart") }),
  z.object({ decision: z.literal("deny"), reason: z.string(), remember: z.optional(duration) }),
]) satisfies z.ZodMiniType<Answer>;

export function remoteTerminal(connection: MessageConnection): Approver {
  return {
    kind: "terminal",
    unavailable: () => undefined,
    async ask(question, signal) {
      const cancellation = new CancellationTokenSource();
      const cancel = (): void => cancellation.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      try {
        return answerSchema.parse(await connection.sendRequest(rpc.askRequest, question, cancellation.token));
      } finally {
        signal.removeEventListener("abort", cancel);
        cancellation.dispose();
      }
    },
  };
}

/** What ssh asks while it connects, asked on the terminal of whoever wanted it. */
export function remotePrompter(connection: MessageConnection): Prompter {
  return {
    unavailable: () => undefined,
    async prompt(prompt, signal) {
      const cancellation = new CancellationTokenSource();
      const cancel = (): void => cancellation.cancel();
      signal.addEventListener("abort", cancel, { once: true });
      try {
        const answer = z
          .nullable(z.string())
          .parse(await connection.sendRequest(rpc.promptRequest, prompt, cancellation.token));
        return answer ?? undefined;
      } finally {
        signal.removeEventListener("abort", cancel);
        cancellation.dispose();
      }
    },
  };
}

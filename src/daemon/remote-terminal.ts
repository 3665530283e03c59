/** The terminal of another process of muxguard's, which alone can read from it: a question goes there, and the answer comes back. */
import { CancellationTokenSource, type MessageConnection, type RequestType } from "vscode-jsonrpc/node.js";
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

const promptSchema = z.nullable(z.string());

export function remoteTerminal(connection: MessageConnection): Approver {
  return {
    kind: "terminal",
    unavailable: () => undefined,
    ask: async (question, signal) =>
      answerSchema.parse(await askRemotely(connection, rpc.askRequest, question, signal)),
  };
}

/** What ssh asks while it connects, asked on the terminal of whoever wanted it. */
export function remotePrompter(connection: MessageConnection): Prompter {
  return {
    unavailable: () => undefined,
    prompt: async (prompt, signal) =>
      promptSchema.parse(await askRemotely(connection, rpc.promptRequest, prompt, signal)) ?? undefined,
  };
}

/** Asks the other side. @param signal aborted when the answer is no longer wanted; the other side hears of it */
async function askRemotely<P, R>(
  connection: MessageConnection,
  type: RequestType<P, R, void>,
  params: P,
  signal: AbortSignal,
): Promise<R> {
  const cancellation = new CancellationTokenSource();
  const cancel = (): void => cancellation.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    return await connection.sendRequest(type, params, cancellation.token);
  } finally {
    signal.removeEventListener("abort", cancel);
    cancellation.dispose();
  }
}

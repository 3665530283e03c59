/**
 * The terminal of another process of muxguard's, which alone can read from it: a question goes there, and the
 * answer comes back.
 */
import * as v from "valibot";
import { CancellationTokenSource, type MessageConnection, type RequestType } from "vscode-jsonrpc/node.js";
import type { Approver } from "../approver/approver.ts";
import type { Prompter } from "../approver/prompter.ts";
import type { Answer } from "../policy/question.ts";
import * as rpc from "./rpc.ts";

const duration = v.object({ milliseconds: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) });

export const answerSchema = v.variant("decision", [
  v.object({
    decision: v.literal("allow"),
    remember: v.union([v.picklist(["once", "run", "session", "always"]), duration]),
  }),
  v.object({ decision: v.literal("apart") }),
  v.object({ decision: v.literal("deny"), reason: v.string(), remember: v.optional(duration) }),
]) satisfies v.GenericSchema<unknown, Answer>;

const promptSchema = v.nullable(v.string());

export function remoteTerminal(connection: MessageConnection): Approver {
  return {
    kind: "terminal",
    unavailable: () => undefined,
    ask: async (question, signal) =>
      v.parse(answerSchema, await askRemotely(connection, rpc.askRequest, question, signal)),
  };
}

/** What ssh asks while it connects, asked on the terminal of whoever wanted it. */
export function remotePrompter(connection: MessageConnection): Prompter {
  return {
    unavailable: () => undefined,
    prompt: async (prompt, signal) =>
      v.parse(promptSchema, await askRemotely(connection, rpc.promptRequest, prompt, signal)) ?? undefined,
  };
}

/**
 * Asks the other side. @param signal aborted when the answer is no longer wanted; the other side hears of it
 */
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

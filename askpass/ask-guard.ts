/** One question to a guard, which may ask on our terminal. */
import type { Question } from "../src/policy/question.ts";
import { connectRpc } from "../src/rpc/connecting.ts";
import { checkedAskpassAnswer } from "../src/rpc/quick-checks.ts";
import type { AskpassAnswer, AskpassQuestion } from "../src/rpc/requests.ts";

/** What a guard may send for one question, in bytes. */
const MAX_RECEIVED = 1024 * 1024;

/**
 * @returns undefined if nobody listens there. @throws Error if the guard refuses, or ends before it has
 * answered
 */
export async function askGuard(path: string, question: AskpassQuestion): Promise<AskpassAnswer | undefined> {
  const guard = await connectRpc(path, { most: MAX_RECEIVED });
  if (!guard) return undefined;
  guard.onRequest("ask", believed, async (asked, withdrawn) => {
    // loaded where it is needed: most questions are answered without
    const { askOnTerminal } = await import("./own-terminal.ts");
    const { stopped } = await import("./stopped.ts");
    stopped.addEventListener("abort", () => guard.end()); // the guard would go on asking elsewhere
    return askOnTerminal(asked, withdrawn);
  });
  try {
    return await guard.request("askpass", question, checkedAskpassAnswer);
  } finally {
    guard.end();
  }
}

/** Whoever listens where MUXGUARD_PROMPTS says decides anyway. What can't be shown is not answered. */
function believed(asked: unknown): Question {
  return asked as Question;
}

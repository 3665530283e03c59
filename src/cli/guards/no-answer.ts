/** A guard that listens and says nothing: one that was stopped (Ctrl-Z) does so. */
import type { GuardConnection } from "../../rpc/connecting.ts";
import { RpcError } from "../../rpc/connection.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/** How long a guard may take to answer, in milliseconds. */
const PATIENCE = 3000;

export class NoAnswer extends CliError {
  override readonly name = "NoAnswer";

  constructor(path: string) {
    super(`the guard at ${path} does not answer; if it was stopped: kill -CONT its pid`, exitCodes.unknown);
  }
}

/** @param path where the guard listens. @throws NoAnswer */
export async function inTime<T>(answer: Promise<T>, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(path)), PATIENCE);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Before what may wait for a person, which has no limit: whether the guard answers at all. So nothing is asked
 * of one that would do it later, when nobody waits for it. @throws NoAnswer
 */
export async function checkAnswers(guard: GuardConnection, path: string): Promise<void> {
  try {
    // answered at once; what the answer is does not matter
    await inTime(
      guard.request("pending", null, () => []),
      path,
    );
  } catch (error) {
    if (!(error instanceof RpcError)) throw error; // it refuses: that is an answer
  }
}

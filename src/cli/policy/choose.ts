/** A question to whoever changes the policy, answered by a letter. */
import { createInterface } from "node:readline/promises";

export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/**
 * @param letters those that are an answer, in lower case; others are asked for again
 * @param otherwise the answer of an empty line, and of an end of the input
 */
export async function choose(question: string, letters: string, otherwise: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<string>((resolve) => terminal.once("close", () => resolve(otherwise)));
  try {
    for (;;) {
      const answer = await Promise.race([terminal.question(`${question} `), ended]);
      const letter = answer.trim().slice(0, 1).toLowerCase() || otherwise;
      if (letters.includes(letter)) return letter;
    }
  } finally {
    terminal.close();
  }
}

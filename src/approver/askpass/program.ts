/**
 * An SSH_ASKPASS program, started as OpenSSH does it (readpass.c): the question is its argument,
 * SSH_ASKPASS_PROMPT says of what kind it is, and the answer is the first line on its stdout.
 */
import { spawn } from "node:child_process";
import { stopGroup } from "../process-group.ts";

/** What OpenSSH reads of an answer, in bytes. */
const MAX_OUTPUT = 1024;

/**
 * @param environment of which SSH_ASKPASS is the program
 * @param signal aborted when the answer is no longer wanted: the program ends
 * @throws Error if it does not start, if it is killed, or if it was stopped
 */
export async function runAskpass(
  { SSH_ASKPASS: program = "", SSH_ASKPASS_PROMPT: _, ...environment }: NodeJS.ProcessEnv,
  { text, hint }: { text: string; hint?: "confirm" | "none" },
  signal: AbortSignal,
): Promise<{ code: number; line: string }> {
  const child = spawn(program, [text], {
    env: { ...environment, SSH_ASKPASS: program, ...(hint && { SSH_ASKPASS_PROMPT: hint }) },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  const stop = (): void => stopGroup(child);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let output = "";
  // without a free descriptor there is none, and "error" follows
  child.stdout?.setEncoding("utf8").on("data", (more: string) => {
    output = (output + more).slice(0, MAX_OUTPUT);
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (signal.aborted) throw new Error("withdrawn");
    if (code === null) throw new Error("the program was killed");
    return { code, line: output.split(/[\r\n]/, 1)[0] ?? "" };
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

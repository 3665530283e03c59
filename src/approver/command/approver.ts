/**
 * Asks through a program of the user's own: the question is JSON on its stdin, the answer JSON on its stdout.
 * What is not an answer is none: nobody was asked then, and that is never a yes.
 */
import type { ChildProcess } from "node:child_process";
import type { Answer, Question } from "../../policy/question.ts";
import { visible } from "../../policy/visible.ts";
import type { Approver } from "../approver.ts";
import { startGroup, stopGroup } from "../process-group.ts";

/** The most that a program may write, in bytes. An answer is a line. */
const MAX_OUTPUT = 64 * 1024;

export interface CommandOptions {
  /** The program and its arguments; empty if there is none. */
  command: readonly string[];
  /** Of the guard; never that of the process that asks. */
  environment: NodeJS.ProcessEnv;
  toJson(question: Question): object;
}

export function createCommandApprover(options: CommandOptions): Approver {
  return {
    kind: "command",
    unhurried: true,
    unavailable: () => (options.command.length > 0 ? undefined : "no command is set in config.toml"),
    ask: (question, signal) => ask(options, question, signal),
  };
}

async function ask(options: CommandOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  const [program = "", ...args] = options.command;
  const child = startGroup(program, args, options.environment, "pipe");
  const stop = (): void => stopGroup(child);
  signal.addEventListener("abort", stop, { once: true });
  // without a free descriptor there is none, and "error" follows
  child.stdin?.on("error", () => {}); // a program need not read the question
  child.stdin?.end(`${JSON.stringify(options.toJson(question))}\n`);
  try {
    const { code, output, complaint } = await finished(child, stop);
    if (signal.aborted) throw new Error("withdrawn");
    if (output.length > MAX_OUTPUT) throw new Error(`it wrote more than ${MAX_OUTPUT} bytes`);
    if (code === null) throw new Error("the program was killed");
    if (code !== 0) throw new Error(`exit code ${code}${complaint === "" ? "" : `: ${complaint}`}`);
    const { parseAnswer } = await import("./answer.ts");
    return parseAnswer(output.toString("utf8"), question);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

interface Finished {
  code: number | null;
  /** At most a little more than MAX_OUTPUT. */
  output: Buffer;
  /** The last line on its stderr. */
  complaint: string;
}

function finished(child: ChildProcess, stop: () => void): Promise<Finished> {
  const chunks: Buffer[] = [];
  let length = 0;
  let errors = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_OUTPUT) stop();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-1000);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const complaint = visible(errors.trim().split("\n").at(-1) ?? "", 200);
      resolve({ code, output: Buffer.concat(chunks), complaint });
    });
  });
}

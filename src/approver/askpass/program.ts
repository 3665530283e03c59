/**
 * An SSH_ASKPASS program, started as OpenSSH does it (readpass.c): the question is its argument,
 * SSH_ASKPASS_PROMPT says of what kind it is, and the answer is the first line on its stdout.
 */
import { once } from "node:events";
import { visible } from "../../policy/visible.ts";
import { startGroup, stopGroup } from "../process-group.ts";
import { watchDisplays } from "./display.ts";

/** What OpenSSH reads of an answer, in bytes. */
const MAX_OUTPUT = 1024;
/** How much of its stderr is read, in characters: the end. */
const MAX_COMPLAINT = 1000;

/** Of sh(1): what a script starts is no program, or is not there. */
const NOT_STARTED = [126, 127];

/**
 * What Xlib, GTK and Qt say when they find no display, or when it leaves them: also where one window alone
 * was taken from it (xkill), and the display is there.
 */
const NO_DISPLAY = [
  /(can't|cannot|could not|unable to|failed to) (open|connect to) .*display/i,
  /connection (to \S+ )?broke|lost connection to|fatal IO error|reading events from display/i,
];

/**
 * @param environment of which SSH_ASKPASS is the program
 * @param signal aborted when the answer is no longer wanted: the program ends
 * @throws Error if nobody can have answered: it does not start, it is killed, it was stopped, or its display
 * is gone
 */
export async function runAskpass(
  { SSH_ASKPASS: program = "", SSH_ASKPASS_PROMPT: _, ...environment }: NodeJS.ProcessEnv,
  { text, hint }: { text: string; hint?: "confirm" | "none" },
  signal: AbortSignal,
): Promise<{ code: number; line: string }> {
  const env = { ...environment, SSH_ASKPASS: program, ...(hint && { SSH_ASKPASS_PROMPT: hint }) };
  const child = startGroup(program, [text], env, "ignore");
  const displays = watchDisplays(env, environment.SSH_ASKPASS_REQUIRE?.toLowerCase() !== "force");
  const stop = (): void => stopGroup(child);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let [output, errors] = ["", ""];
  // without a free descriptor there is none, and "error" follows
  child.stdout?.setEncoding("utf8").on("data", (more: string) => {
    output = (output + more).slice(0, MAX_OUTPUT);
  });
  child.stderr?.setEncoding("utf8").on("data", (more: string) => {
    errors = (errors + more).slice(-MAX_COMPLAINT);
  });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    if (signal.aborted) throw new Error("withdrawn");
    const complaint = visible(errors.trim().split("\n").at(-1) ?? "", 200);
    if (code === null) throw new Error("the program was killed");
    if (NOT_STARTED.includes(code)) throw new Error(`exit code ${code}: ${complaint}`);
    if (code !== 0 && NO_DISPLAY.some((words) => words.test(errors))) throw new Error(complaint);
    if (code !== 0 && (await displays.isGone())) throw new Error("its display is gone");
    return { code, line: output.split(/[\r\n]/, 1)[0] ?? "" };
  } finally {
    displays.close();
    signal.removeEventListener("abort", stop);
  }
}

import { jsonOnScreen, onScreen } from "./policy/visible.ts";

/**
 * Lines for whoever started this process. Text of a peer, a path or a file goes through visible() where it is
 * put into words. What was forgotten there comes as escapes here, and a line stays one line: no terminal obeys
 * anything of it.
 */

let isHeard = false;

/** Tells on stderr. Whoever reads there may end before this process does. */
export function toStderr(line: string): void {
  if (!isHeard) process.stderr.on("error", () => {});
  isHeard = true;
  process.stderr.write(`${onScreen(line)}\n`);
}

/** Answers on stdout. */
export function toStdout(line: string): void {
  process.stdout.write(`${onScreen(line)}\n`);
}

/** The same for JSON. */
export function toStdoutAsJson(json: string): void {
  process.stdout.write(`${jsonOnScreen(json)}\n`);
}

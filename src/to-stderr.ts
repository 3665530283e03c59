import { jsonOnScreen, onScreen } from "./policy/visible.ts";

/**
 * Lines for whoever started this process. Text of a peer, a path or a file goes through visible() where it is
 * put into words. What was forgotten there comes as escapes here, and a line stays one line: no terminal obeys
 * anything of it.
 */

/** What may wait for somebody to read it, in bytes. Beyond it lines are counted: what matters is in the log. */
const MOST_UNREAD = 64 * 1024;

let isHeard = false;
let untold = 0;

/** Tells on stderr. Whoever reads there may end before this process does, or not read at all. */
export function toStderr(line: string): void {
  if (!isHeard) process.stderr.on("error", () => {}).on("drain", tellUntold);
  isHeard = true;
  if (process.stderr.writableLength > MOST_UNREAD) untold++;
  else process.stderr.write(`${onScreen(line)}\n`);
}

function tellUntold(): void {
  if (untold > 0) process.stderr.write(`muxguard: ${untold} lines more, which nobody read (muxguard log)\n`);
  untold = 0;
}

/** Whether something waits there for a reader. The process does not end by itself before it was read. */
export function isUnread(): boolean {
  return process.stderr.writableLength > 0;
}

/** Answers on stdout. */
export function toStdout(line: string): void {
  process.stdout.write(`${onScreen(line)}\n`);
}

/** The same for JSON. */
export function toStdoutAsJson(json: string): void {
  process.stdout.write(`${jsonOnScreen(json)}\n`);
}

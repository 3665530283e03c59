/**
 * A line on a stream that another process handed over: its stderr. Nobody knows what it is, and the guard must not hang on it: a pipe may be
 * full, a terminal stopped with Ctrl-S.
 *
 * The flag O_NONBLOCK belongs to the open file, which the other process shares, so it is not touched: terminals and pipes are opened anew.
 */
import { close, constants, fstatSync, open, type Stats, write } from "node:fs";
import { isatty } from "node:tty";
import { duplicate, sendMessage } from "./libc.ts";

/** How long the line may take, in milliseconds. It is not worth more. */
const LIMIT = 500;

export function isTerminal(fd: number): boolean {
  return isatty(fd);
}

/** Writes the text if that is possible at once. Never rejects, and does not need the descriptor once it has returned. */
export async function tell(fd: number, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  const stats = statsOf(fd);
  if (stats?.isSocket()) sendMessage(fd, bytes);
  // what was opened anew would begin at the start of the file
  else if (stats?.isFile()) await withCopy(fd, (own, done) => write(own, bytes, () => done()));
  else if (stats) await withCopy(fd, (own, done) => writeAnew(own, bytes, done));
}

function statsOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}

function writeAnew(fd: number, bytes: Buffer, done: () => void): void {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  open(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY, (error, opened) => {
    if (error) return done(); // another user's terminal, after su
    write(opened, bytes, () => close(opened, () => done()));
  });
}

/** The copy stays open until the action is done with it, however long that takes: its number must not become another file's. */
function withCopy(fd: number, action: (own: number, done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LIMIT);
    const own = duplicate(fd);
    action(own, () => {
      clearTimeout(timer);
      close(own, () => resolve());
    });
  });
}

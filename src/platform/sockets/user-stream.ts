/**
 * A line on a stream that another process handed over: its stderr. It may be anything, and the guard must not
 * hang on it. A pipe may be full, a terminal stopped with Ctrl-S.
 *
 * The flag O_NONBLOCK belongs to the open file, which the other process shares. So it is not set there:
 * terminals and pipes are opened anew.
 */
import { close, constants, fstat, open, readlinkSync, write } from "node:fs";
import { isatty } from "node:tty";
import { attempt } from "../../attempt.ts";
import { duplicate } from "../libc/descriptors.ts";
import { sendMessage } from "../libc/messages.ts";
import { isByLine, modesOf } from "../libc/pty.ts";

/** How long the line may take, in milliseconds. It is not worth more. */
const LIMIT = 500;

/**
 * isatty(3) asks the file system, and a file may lie where no answer comes: FUSE, a dead NFS server. So what
 * is no device is not asked.
 */
export function isTerminal(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith("/dev/") && isatty(fd);
  } catch {
    return false;
  }
}

/** Whether a program takes each key of a terminal by itself: a line would stand across its screen. */
export function isRaw(terminal: number): boolean {
  return attempt(() => !isByLine(modesOf(terminal))) ?? false;
}

/** Writes the text if that is possible at once. Never rejects. The descriptor may be closed meanwhile. */
export function tell(fd: number, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  return withCopy(fd, (own, done) =>
    fstat(own, (error, stats) => {
      if (error) return done();
      if (stats.isSocket()) {
        sendMessage(own, bytes);
        done();
      } else if (stats.isFile())
        write(own, bytes, () => done()); // what was opened anew would begin at the start of the file
      else writeAnew(own, bytes, done);
    }),
  );
}

function writeAnew(fd: number, bytes: Buffer, done: () => void): void {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  open(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY, (error, opened) => {
    if (error) return done(); // another user's terminal, after su
    write(opened, bytes, () => close(opened, () => done()));
  });
}

/**
 * The copy stays open until the action is done with it, however long that takes: its number must not become
 * another file's.
 */
function withCopy(fd: number, action: (own: number, done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const own = copyOf(fd);
    if (own === undefined) return resolve();
    const timer = setTimeout(resolve, LIMIT);
    action(own, () => {
      clearTimeout(timer);
      close(own, () => resolve());
    });
  });
}

/** Undefined if it is closed, or if there are no more descriptors to be had. */
function copyOf(fd: number): number | undefined {
  return attempt(() => duplicate(fd));
}

/**
 * A line on the terminal of a process that asks: the controlling one, as /proc tells it. Nothing is taken from
 * that terminal, and the guard must not hang on it: it may be stopped (Ctrl-S), or full.
 *
 * The number that /proc tells means a terminal of one devpts, and a container has a devpts of its own: its
 * `/dev/pts/3` is another one than ours. So the process, or one that started it, must have the very terminal
 * open that the path leads to here: the same path of the same mount. pty(7), proc(5).
 */
import { close, constants, fstat, open, readlinkSync, write } from "node:fs";
import { userInfo } from "node:os";
import { attempt } from "../../attempt.ts";
import type { Caller, ProcessId } from "../../policy/request.ts";
import { descriptorInfo } from "../files/descriptor-info.ts";
import { isByLine, modesOf, stopsOthers } from "../libc/pty.ts";
import { foregroundGroup } from "../libc/terminal.ts";
import { isProcess } from "../proc/process.ts";

/** How many lines a terminal gets in so many milliseconds: who asks in a loop is not told in a loop. */
const [MOST, WITHIN] = [10, 10_000];

/** How long a line may take, in milliseconds. It is not worth more. */
const LIMIT = 500;

/** How many of those that started it are looked at for its terminal. */
const ANCESTORS = 8;

export class CallerTerminals {
  /** When each terminal was told, the last times. */
  readonly #told = new Map<string, number[]>();

  /**
   * Writes a line there, which must be safe for a screen, if that is possible at once. Never rejects, never takes long.
   * @returns whether it is there: not where a full-screen program has the terminal, nor where it is the
   * guard's own, on which stderr comes out anyway
   */
  tell(caller: Caller, line: string): Promise<boolean> {
    const { tty, container } = caller;
    if (tty === undefined || container || !this.#mayTell(tty)) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LIMIT, false);
      void this.#tell(caller, tty, line).then((isTold) => {
        clearTimeout(timer);
        resolve(isTold);
      });
    });
  }

  async #tell(caller: Caller, tty: string, line: string): Promise<boolean> {
    const terminal = await openTerminal(tty);
    if (terminal === undefined) return false;
    try {
      if (!takesLines(terminal) || !isTerminalOf(caller, tty, terminal)) return false;
      return await writeAll(terminal, `${line}\r\n`);
    } catch {
      return false;
    } finally {
      close(terminal, () => {});
    }
  }

  #mayTell(tty: string): boolean {
    const now = performance.now();
    const last = (this.#told.get(tty) ?? []).filter((at) => now - at < WITHIN);
    if (last.length >= MOST) return false;
    this.#told.set(tty, [...last, now]);
    for (const [path, [at = 0]] of this.#told) if (now - at > WITHIN && path !== tty) this.#told.delete(path);
    return true;
  }
}

/** A terminal of this user's own; undefined for anything else. The caller closes it. */
function openTerminal(path: string): Promise<number | undefined> {
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants;
  return new Promise((resolve) => {
    open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, (error, fd) => {
      if (error) return resolve(undefined); // gone, or another user's
      fstat(fd, (failed, stats) => {
        if (!failed && stats.isCharacterDevice() && stats.uid === userInfo().uid) return resolve(fd);
        close(fd, () => resolve(undefined));
      });
    });
  });
}

/** @throws Error for what is no terminal */
function takesLines(terminal: number): boolean {
  const modes = modesOf(terminal);
  if (!isByLine(modes)) return false;
  const isOwn = foregroundGroup(terminal) >= 0;
  // writing from the background would stop this process
  return !isOwn || !(foregroundGroup(2) >= 0 || stopsOthers(modes));
}

/**
 * Looked at while it is open: from here on its number is no other terminal's. Who asks may have ended by now; what
 * started it has not.
 */
function isTerminalOf(caller: Caller, tty: string, terminal: number): boolean {
  const mount = descriptorInfo("self", terminal)?.mount;
  const line: ProcessId[] = [caller, ...caller.ancestors.slice(0, ANCESTORS)];
  const has = ({ pid }: ProcessId, fd: number): boolean =>
    attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === tty && descriptorInfo(pid, fd)?.mount === mount;
  const isOpenIn = (process: ProcessId): boolean =>
    [0, 1, 2].some((fd) => has(process, fd)) && isProcess(process.pid, process.startTime);
  return mount !== undefined && line.some(isOpenIn);
}

function writeAll(terminal: number, text: string): Promise<boolean> {
  const bytes = Buffer.from(text);
  // one that takes no more says so at once (EAGAIN), or takes a part
  return new Promise((resolve) => {
    write(terminal, bytes, (error, written) => resolve(!error && written === bytes.length));
  });
}

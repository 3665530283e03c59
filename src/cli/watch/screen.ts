/** The whole screen of this process's terminal, and its keys: taken, and given back whatever happens. */
import { fill } from "../../approver/screen/choice-screen.ts";
import type { Key } from "../../approver/screen/keys.ts";
import type { Size } from "../../approver/screen/text.ts";
import { readKeys } from "../../approver/terminal/key-reader.ts";

/** The alternate screen, without a cursor (xterm's ctlseqs). */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const CLEAR = "\x1b[2J";

export interface TakenScreen {
  /** Aborted when the terminal is hung up. */
  gone: AbortSignal;
  listen(heard: (key: Key) => void): void;
  draw(): void;
  giveBack(): void;
}

/** @param lines what is to be seen, for a screen of this size */
export function takeScreen(lines: (size: Size) => string[]): TakenScreen {
  const { stdin, stdout } = process;
  const hungUp = new AbortController();
  const hangUp = (): void => hungUp.abort();
  let isTaken = false;
  let heard = (_: Key): void => {};
  const draw = (): void => {
    if (isTaken) stdout.write(fill(lines({ columns: stdout.columns, rows: stdout.rows })));
  };
  const take = (): void => {
    isTaken = true;
    stdin.setRawMode(true);
    stdout.write(ENTER);
    draw();
  };
  const leave = (): void => {
    if (!isTaken) return;
    isTaken = false;
    stdout.write(LEAVE);
    stdin.setRawMode(false);
  };
  const resized = (): void => {
    if (isTaken) stdout.write(CLEAR);
    draw();
  };
  /** Stops as the signal would, but not with the screen in its hands, and goes on with it. */
  const stop = (): void => {
    leave();
    process.removeListener("SIGTSTP", stop);
    process.kill(0, "SIGTSTP");
    process.on("SIGTSTP", stop);
    take();
  };
  const stopReading = readKeys(stdin, 0, (keys) => {
    for (const key of keys) {
      if (key.ctrl && key.name === "z") stop();
      else heard(key);
    }
  });
  for (const event of ["end", "error"]) stdin.on(event, hangUp);
  stdout.on("error", hangUp);
  stdout.on("resize", resized);
  process.on("SIGTSTP", stop);
  process.once("exit", leave);
  take();
  return {
    gone: hungUp.signal,
    listen: (listener) => {
      heard = listener;
    },
    draw,
    giveBack: () => {
      stopReading();
      stdin.pause();
      stdout.removeListener("resize", resized);
      process.removeListener("SIGTSTP", stop);
      process.removeListener("exit", leave);
      leave();
    },
  };
}

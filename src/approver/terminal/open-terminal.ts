/** A terminal, taken for a prompt and given back as it was, whatever happens. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { attempt } from "../../attempt.ts";
import { type Size, USUAL_COLUMNS, USUAL_ROWS } from "../screen/text.ts";
import { type Heard, readKeys } from "./key-reader.ts";

export interface TerminalOptions {
  /** The terminal's device: `/dev/tty` is the process's own. */
  path: string;
  /**
   * Whether this process may read from the open terminal: one in the background would be stopped (SIGTTIN).
   */
  mayTakeForeground: (fd: number) => boolean;
  /** Makes it so, and returns what undoes it. */
  takeForeground: (fd: number) => () => void;
  /** Ctrl-C at the prompt: denied, and the program is to hear of it. */
  interrupted: () => void;
  /** Where a program has the screen that can be taken from it for the while. */
  takeScreen?: TakeScreen;
}

/**
 * Takes screen and keys from the program that has them, and returns what gives them back as they were.
 * Undefined where no program has them in such a way.
 */
export type TakeScreen = (signal: AbortSignal) => Promise<(() => void) | undefined>;

/** Why nobody can be asked there; undefined if somebody can. */
export function unavailable({ path, mayTakeForeground }: TerminalOptions): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch {
    return "no terminal";
  }
  try {
    return mayTakeForeground(fd) ? undefined : "the terminal is another program's (in the background)";
  } finally {
    closeSync(fd);
  }
}

export interface OpenTerminal {
  /** Calls this for what is typed from now on, in the place of whoever listened before. */
  listen(heard: Heard): void;
  /** Aborted when the terminal is hung up. */
  gone: AbortSignal;
  /** As it is now. */
  size(): Size;
  /** Writes at once. Whether anybody sees it is told by `gone`. */
  say(text: string): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/**
 * Takes the terminal for an action, and gives it back.
 * @param deafFor for how long keys don't count, in milliseconds
 */
export async function onTerminal<T>(
  options: TerminalOptions,
  deafFor: number,
  signal: AbortSignal,
  action: (terminal: OpenTerminal, isAlone: boolean) => Promise<T>,
): Promise<T> {
  const giveBack = await options.takeScreen?.(signal);
  try {
    signal.throwIfAborted();
    const terminal = openTerminal(options, deafFor);
    try {
      return await action(terminal, giveBack !== undefined);
    } finally {
      terminal.close();
    }
  } finally {
    giveBack?.();
  }
}

/** @param deafFor for how long keys don't count, in milliseconds */
export function openTerminal(
  { path, takeForeground }: Pick<TerminalOptions, "path" | "takeForeground">,
  deafFor: number,
): OpenTerminal {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  // libuv opens the terminal anew for each of them, and leaves this descriptor to us (uv_tty_init)
  const input = new ReadStream(fd);
  const output = new WriteStream(fd);
  output.on("error", () => {}); // the terminal is gone: the answer will be, too
  const hungUp = new AbortController();
  for (const event of ["error", "end"])
    input.on(event, () => hungUp.abort(new Error("the terminal is gone")));
  const giveBack = takeForeground(fd);
  const restore = (): void => {
    input.setRawMode(false);
    giveBack();
  };
  process.once("exit", restore);
  input.setRawMode(true);
  let heard: Heard = () => {};
  const stopReading = readKeys(input, deafFor, (keys, counts) => heard(keys, counts));
  return {
    listen: (listener) => {
      heard = listener;
    },
    gone: hungUp.signal,
    size: () => sizeOf(output),
    say: (text) => void attempt(() => writeSync(fd, text)),
    close: () => {
      stopReading();
      restore();
      process.removeListener("exit", restore);
      input.destroy();
      output.destroy();
      closeSync(fd);
    },
  };
}

/** A terminal may not know its own, and says 0. */
function sizeOf(output: WriteStream): Size {
  // Node looks by itself for stdout and stderr alone
  (output as WriteStream & { _refreshSize(): void })._refreshSize();
  return { columns: output.columns || USUAL_COLUMNS, rows: output.rows || USUAL_ROWS };
}

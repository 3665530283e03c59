/** A terminal, taken for a prompt and given back as it was, whatever happens. */
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { ReadStream, WriteStream } from "node:tty";
import type { Size } from "../screen/text.ts";

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
}

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
  /** The keys that count. */
  keys: PassThrough;
  output: WriteStream;
  /** Aborted when the terminal is hung up. */
  gone: AbortSignal;
  /** As it is now. */
  size(): Size;
  /** Writes at once, also after the prompt has ended its output. */
  say(text: string): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

const CTRL_C = "\x03";
/** Would stop this process alone, with the terminal in its hands. */
const CTRL_Z = "\x1a";

/** @param deafFor how long keys don't count, in milliseconds */
export function openTerminal({ path, takeForeground }: TerminalOptions, deafFor: number): OpenTerminal {
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
  const keys = new PassThrough();
  const shown = performance.now();
  input.setEncoding("utf8").on("data", (key: string) => {
    const counts = performance.now() - shown > deafFor || key.includes(CTRL_C);
    if (counts) keys.write(key.includes(CTRL_C) ? CTRL_C : key.replaceAll(CTRL_Z, ""));
  });
  const close = (): void => {
    restore();
    process.removeListener("exit", restore);
    input.destroy();
    output.destroy();
    closeSync(fd);
  };
  const size = (): Size => {
    // Node looks by itself for stdout and stderr alone
    (output as WriteStream & { _refreshSize(): void })._refreshSize();
    return { columns: output.columns, rows: output.rows };
  };
  return { keys, output, size, gone: hungUp.signal, say: (text) => void writeSync(fd, text), close };
}

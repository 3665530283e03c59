/**
 * A terminal in tmux, for one question: in a popup on the client that the user has used last, or a pane at the bottom of its window where tmux has no popups
 * yet (before 3.2).
 *
 * What runs in the popup is a shell that says that it is there and waits. This process draws on its terminal and reads the keys there, which only the
 * tmux server can put in: there is nothing to hand over on the way, so nothing that another process could forge, or read. The shell is believed if it was
 * started by the server, with the word that this question was given, outside of any run.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Caller } from "../policy/request.ts";
import type { Turns } from "./in-turn.ts";
import { type OpenTerminal, openTerminal } from "./open-terminal.ts";
import type { Size } from "./screen-text.ts";
import { findTmuxClient, type TmuxClient, type TmuxServers, tmuxSockets } from "./tmux-client.ts";
import { type PopupPlace, startPopup } from "./tmux-popup.ts";

/** How long a popup must have been on the screen before a key counts, in milliseconds: it may come up under what is typed for something else. */
export const DEAF_FOR = 1000;

/** How often a client that shows something else is tried, in milliseconds. */
const RETRY = 500;

/** The widest popup, without its frame. */
const MAX_COLUMNS = 110;

export interface TmuxOptions extends TmuxServers {
  /** Of the guard. */
  environment: NodeJS.ProcessEnv;
  /** Of the guard's own, private: it is made for a question, and removed. */
  folder: string;
  /** There is one folder, and one popup at a time. */
  turns: Turns;
  makeFifo(path: string): void;
}

/** Why nobody can be asked there; undefined if somebody may. */
export function withoutTmux({ environment }: TmuxOptions): string | undefined {
  return tmuxSockets(environment).length > 0 ? undefined : "no tmux server";
}

/**
 * Opens a terminal for as long as the action takes.
 * @param sizeIn the size that it should have, where there are so many columns
 */
export function inPopup<T>(
  options: TmuxOptions,
  sizeIn: (columns: number) => Size,
  signal: AbortSignal,
  action: (terminal: OpenTerminal) => Promise<T>,
): Promise<T> {
  return options.turns(signal, () => withPopup(options, sizeIn, signal, action));
}

async function withPopup<T>(
  options: TmuxOptions,
  sizeIn: (columns: number) => Size,
  signal: AbortSignal,
  action: (terminal: OpenTerminal) => Promise<T>,
): Promise<T> {
  const popup = await openPopup(options, sizeIn, signal);
  const own = { mayTakeForeground: () => true, takeForeground: () => () => {}, interrupted: () => {} };
  try {
    const terminal = openTerminal({ path: popup.terminal, ...own }, DEAF_FOR);
    try {
      return await action(terminal);
    } finally {
      terminal.close();
    }
  } finally {
    popup.close();
  }
}

/** The popup, once it is on the screen. While the client shows another one, or a menu, it is waited for. */
async function openPopup(options: TmuxOptions, sizeIn: (columns: number) => Size, signal: AbortSignal) {
  const { environment, folder, makeFifo, outside } = options;
  for (;;) {
    const client = await findTmuxClient(environment, options);
    signal.throwIfAborted();
    if (!client) throw new Error("no tmux client is attached");
    const word = randomBytes(8).toString("hex");
    const size = outerSize(client, sizeIn);
    const place: PopupPlace = { client, servers: options, environment, folder, word, makeFifo, ...size };
    const popup = await startPopup(place, (pid) => terminalOf(outside(pid), client, word), signal);
    if (popup !== "occupied") return popup;
    await sleep(RETRY, undefined, { signal });
  }
}

/** The terminal of a process that is what it says to be. */
function terminalOf(process: Caller | undefined, client: TmuxClient, word: string): string | undefined {
  if (process?.ancestors[0]?.pid !== client.server || !process.cmdline.includes(word)) return undefined;
  return process.tty;
}

/** With the frame of a popup, which is a line on each side. */
function outerSize({ columns, rows, popups }: TmuxClient, sizeIn: (columns: number) => Size): Size {
  const size = sizeIn(Math.min(columns - 2, MAX_COLUMNS));
  if (!popups) return { columns, rows: Math.min(size.rows, Math.floor(rows / 2)) };
  return { columns: size.columns + 2, rows: Math.min(size.rows + 2, rows) };
}

/**
 * A terminal in tmux, for one question: in a popup on the client that the user has used last, or a pane at
 * the bottom of its window where tmux has no popups yet (before 3.2).
 *
 * What runs in the popup is a shell that says that it is there and waits. This process draws on its terminal
 * and reads the keys there, which only the tmux server can put in: there is nothing to hand over on the way,
 * so nothing that another process could forge, or read. The shell is believed if it was started by the
 * server, with the word that this question was given, outside of any run.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DEAF_FOR } from "../../policy/question.ts";
import type { Caller } from "../../policy/request.ts";
import type { Turns } from "../in-turn.ts";
import type { Size } from "../screen/text.ts";
import { type OpenTerminal, openTerminal } from "../terminal/open-terminal.ts";
import {
  findTmuxClient,
  isAttached,
  isInTmux,
  type TmuxClient,
  type TmuxServers,
  tmuxSockets,
} from "./client.ts";
import { type PopupPlace, startPopup } from "./popup.ts";

/** How often a client that shows something else, or has gone away, is tried, in milliseconds. */
const RETRY = 500;

const NO_CLIENT = "no tmux client is attached";

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
  /** How long keys don't count, in milliseconds. */
  deafFor?: number;
}

/** Why nobody can be asked there; undefined if somebody may. */
export function withoutTmux({ environment }: TmuxOptions, caller?: Caller): string | undefined {
  if (caller && isInTmux(caller)) return undefined;
  return tmuxSockets(environment).length > 0 ? undefined : "no tmux server";
}

/** The same, with a look at who is attached. Never rejects. */
export async function withoutClient(options: TmuxOptions, caller?: Caller): Promise<string | undefined> {
  const client = await findTmuxClient(options.environment, options, caller).catch(() => undefined);
  return client ? undefined : (withoutTmux(options, caller) ?? NO_CLIENT);
}

export interface PopupUse<T> {
  /** The size that it should have, where there are so many columns. */
  sizeIn(columns: number, client: TmuxClient): Size;
  /** It is open for as long as this takes. */
  action(terminal: OpenTerminal, client: TmuxClient): Promise<T>;
  /** Who asks. */
  caller?: Caller;
  /** Whether it comes up again where the next client attaches, if its own goes away. */
  comesAgain?: boolean;
}

/** Opens a terminal. While the client shows another popup, or a menu, it is waited for. */
export function inPopup<T>(options: TmuxOptions, use: PopupUse<T>, signal: AbortSignal): Promise<T> {
  return options.turns(signal, () => withPopup(options, use, signal));
}

async function withPopup<T>(options: TmuxOptions, use: PopupUse<T>, signal: AbortSignal): Promise<T> {
  const { caller } = use;
  let client = await findTmuxClient(options.environment, options, caller);
  if (!client) throw new Error(NO_CLIENT);
  for (;;) {
    const used = await useAt(client, options, use, signal);
    if (typeof used === "object") return used.result;
    await sleep(RETRY, undefined, { signal });
    // closed by a user who is still there
    if (used === "gone" && (await isAttached(client, options.environment, options))) throw terminalGone();
    client = await nextClient(options, caller, signal);
  }
}

function terminalGone(): Error {
  return new Error("the terminal is gone");
}

async function useAt<T>(
  client: TmuxClient,
  options: TmuxOptions,
  { sizeIn, action, comesAgain = false }: PopupUse<T>,
  signal: AbortSignal,
): Promise<{ result: T } | "occupied" | "gone"> {
  signal.throwIfAborted();
  const { environment, folder, makeFifo, outside, deafFor = DEAF_FOR } = options;
  const word = randomBytes(8).toString("hex");
  const size = outerSize(client, sizeIn);
  const place: PopupPlace = { client, servers: options, environment, folder, word, makeFifo, ...size };
  const popup = await startPopup(place, (pid) => terminalOf(outside(pid), client, word), signal);
  if (popup === "occupied") return popup;
  try {
    const terminal = openTerminal({ path: popup.terminal, takeForeground: () => () => {} }, deafFor);
    try {
      return { result: await action(terminal, client) };
    } catch (error) {
      if (signal.aborted || !terminal.gone.aborted || !comesAgain) throw error;
      return "gone";
    } finally {
      terminal.close();
    }
  } finally {
    popup.close();
  }
}

/** Waits for one. */
async function nextClient(
  options: TmuxOptions,
  caller: Caller | undefined,
  signal: AbortSignal,
): Promise<TmuxClient> {
  for (;;) {
    const client = await findTmuxClient(options.environment, options, caller);
    if (client) return client;
    await sleep(RETRY, undefined, { signal });
  }
}

/** The terminal of a process that is what it says to be. */
function terminalOf(process: Caller | undefined, client: TmuxClient, word: string): string | undefined {
  if (process?.ancestors[0]?.pid !== client.server || !process.cmdline.includes(word)) return undefined;
  return process.tty;
}

/** With the frame of a popup, which is a line on each side. */
function outerSize(client: TmuxClient, sizeIn: PopupUse<unknown>["sizeIn"]): Size {
  const { columns, rows, popups } = client;
  const size = sizeIn(Math.min(columns - 2, MAX_COLUMNS), client);
  if (!popups) return { columns, rows: Math.min(size.rows, Math.floor(rows / 2)) };
  return { columns: size.columns + 2, rows: Math.min(size.rows + 2, rows) };
}

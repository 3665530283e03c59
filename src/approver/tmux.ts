/**
 * Asks in tmux: in a popup on the client that the user has used last, or a pane at the bottom of its window where tmux has no popups yet (before 3.2).
 *
 * What runs in the popup is a shell that says that it is there and waits. The guard draws on its terminal and reads the keys there, which only the
 * tmux server can put in: there is nothing to hand over on the way, so nothing that another process could forge. The shell is believed if it was started by
 * the server, with the word that this question was given, outside of any run.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Question } from "../policy/question.ts";
import type { Caller } from "../policy/request.ts";
import type { Approver } from "./approver.ts";
import { choose, sizeOf } from "./choose.ts";
import { openTerminal } from "./open-terminal.ts";
import { findTmuxClient, isAttached, type TmuxClient, tmuxSockets } from "./tmux-client.ts";
import { type PopupPlace, startPopup } from "./tmux-popup.ts";

/** How long a question must have been on the screen before a key counts, in milliseconds. */
const DEAF_FOR = 1000;

/** How often a client that shows something else, or has gone away, is tried, in milliseconds. */
const RETRY = 500;

export interface TmuxOptions {
  /** Of the guard. */
  environment: NodeJS.ProcessEnv;
  /** Of the guard's own, private: it is made for a question, and removed. */
  folder: string;
  makeFifo(path: string): void;
  /** The process as it is now; undefined if it is gone, or inside of a run. */
  outside(pid: number): Caller | undefined;
}

export function createTmuxApprover(options: TmuxOptions): Approver {
  return {
    kind: "tmux",
    unavailable: () => (tmuxSockets(options.environment).length > 0 ? undefined : "no tmux server"),
    ask: (question, signal) => ask(options, question, signal),
  };
}

/**
 * Asks until there is an answer. While the client shows another popup, or a menu, it is waited for; a popup that went away with its client comes up again
 * where the next one attaches.
 */
async function ask(options: TmuxOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  let client = await findClient(options);
  if (!client) throw new Error("no tmux client is attached");
  for (;;) {
    const result = await askAt(client, options, question, signal);
    if (typeof result === "object") return result;
    await sleep(RETRY, undefined, { signal });
    // closed by a user who is still there
    if (result === "gone" && (await isAttached(client, options.environment)))
      throw new Error("the terminal is gone");
    client = await nextClient(options, signal);
  }
}

/** @returns "gone" where the popup went away without an answer */
async function askAt(
  client: TmuxClient,
  { environment, folder, makeFifo, outside }: TmuxOptions,
  question: Question,
  signal: AbortSignal,
): Promise<Answer | "occupied" | "gone"> {
  signal.throwIfAborted();
  const word = randomBytes(8).toString("hex");
  const place: PopupPlace = { client, environment, folder, word, makeFifo, ...sizeIn(client, question) };
  const popup = await startPopup(place, (pid) => terminalOf(outside(pid), client, word), signal);
  if (popup === "occupied") return popup;
  try {
    return await askOn(popup.terminal, question, signal, client.utf8);
  } finally {
    popup.close();
  }
}

async function askOn(
  path: string,
  question: Question,
  signal: AbortSignal,
  isUtf8: boolean,
): Promise<Answer | "gone"> {
  const terminal = openTerminal(
    { path, mayTakeForeground: () => true, takeForeground: () => () => {}, interrupted: () => {} },
    DEAF_FOR,
  );
  try {
    return await choose(terminal, question, signal, isUtf8);
  } catch (error) {
    if (signal.aborted || !terminal.gone.aborted) throw error;
    return "gone";
  } finally {
    terminal.close();
  }
}

function findClient({ environment, outside }: TmuxOptions): Promise<TmuxClient | undefined> {
  return findTmuxClient(environment, (pid) => outside(pid) !== undefined);
}

/** Waits for one. */
async function nextClient(options: TmuxOptions, signal: AbortSignal): Promise<TmuxClient> {
  for (;;) {
    const client = await findClient(options);
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
function sizeIn({ columns, rows, popups, utf8 }: TmuxClient, question: Question) {
  const size = sizeOf(question, Math.min(columns - 2, 110), utf8);
  if (!popups) return { columns, rows: Math.min(size.rows, Math.floor(rows / 2)) };
  return { columns: size.columns + 2, rows: Math.min(size.rows + 2, rows) };
}

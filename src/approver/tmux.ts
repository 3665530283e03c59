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
import { findTmuxClient, type TmuxClient, type TmuxServers, tmuxSockets } from "./tmux-client.ts";
import { type PopupPlace, startPopup } from "./tmux-popup.ts";

/** How long a question must have been on the screen before a key counts, in milliseconds. */
const DEAF_FOR = 1000;

/** How often a client that shows something else is tried, in milliseconds. */
const RETRY = 500;

export interface TmuxOptions extends TmuxServers {
  /** Of the guard. */
  environment: NodeJS.ProcessEnv;
  /** Of the guard's own, private: it is made for a question, and removed. */
  folder: string;
  makeFifo(path: string): void;
}

export function createTmuxApprover(options: TmuxOptions): Approver {
  return {
    kind: "tmux",
    unavailable: () => (tmuxSockets(options.environment).length > 0 ? undefined : "no tmux server"),
    ask: (question, signal) => ask(options, question, signal),
  };
}

async function ask(options: TmuxOptions, question: Question, signal: AbortSignal): Promise<Answer> {
  const popup = await openPopup(options, question, signal);
  try {
    const terminal = openTerminal(
      {
        path: popup.terminal,
        mayTakeForeground: () => true,
        takeForeground: () => () => {},
        interrupted: () => {},
      },
      DEAF_FOR,
    );
    try {
      return await choose(terminal, question, signal);
    } finally {
      terminal.close();
    }
  } finally {
    popup.close();
  }
}

/** The popup, once it is on the screen. While the client shows another one, or a menu, it is waited for. */
async function openPopup(options: TmuxOptions, question: Question, signal: AbortSignal) {
  const { environment, folder, makeFifo, outside } = options;
  for (;;) {
    const client = await findTmuxClient(environment, options);
    signal.throwIfAborted();
    if (!client) throw new Error("no tmux client is attached");
    const word = randomBytes(8).toString("hex");
    const size = sizeIn(client, question);
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
function sizeIn({ columns, rows, popups }: TmuxClient, question: Question) {
  const size = sizeOf(question, Math.min(columns - 2, 110));
  if (!popups) return { columns, rows: Math.min(size.rows, Math.floor(rows / 2)) };
  return { columns: size.columns + 2, rows: Math.min(size.rows + 2, rows) };
}

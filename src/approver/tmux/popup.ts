/**
 * A popup of tmux, with a terminal of its own in it. It is gone when it is closed, and when this process is.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { startTmux, type TmuxClient, type TmuxServers } from "./client.ts";

/** How long a popup may take to come up, in milliseconds. */
const PATIENCE = 5000;

const TITLE = " muxguard ";

/**
 * Says that it is there, by a file with its pid for a name, and waits for the end of the pipe. $0 is the
 * folder, $1 the word.
 */
const SCRIPT = ': > "$0/$1.$$" && read _ < "$0/hold"';

export interface PopupPlace {
  client: TmuxClient;
  servers: TmuxServers;
  environment: NodeJS.ProcessEnv;
  folder: string;
  /** Goes with the popup's command line. */
  word: string;
  makeFifo(path: string): void;
  columns: number;
  rows: number;
}

export interface Popup {
  /** The path of its terminal. */
  terminal: string;
  close(): void;
}

/**
 * @param terminalOf the terminal of the process with this pid, if it is the one in the popup
 * @returns "occupied" if the client shows another popup, or a menu
 * @throws Error for what tmux says
 */
export async function startPopup(
  place: PopupPlace,
  terminalOf: (pid: number) => string | undefined,
  signal: AbortSignal,
): Promise<Popup | "occupied"> {
  const { client, environment: env, servers, folder, word, makeFifo } = place;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  const hold = join(folder, "hold");
  makeFifo(hold);
  // the only writer: when it is closed, be it by our death, the shell in the popup reads the end
  const fd = openSync(hold, constants.O_RDWR | constants.O_NONBLOCK);
  const arrived = arrival(folder, word, terminalOf);
  const output = ["ignore" as const, "pipe" as const];
  const tmux = startTmux(client.socket, command(place), { env, output }, servers);
  const close = (): void => {
    rmSync(folder, { recursive: true, force: true }); // first: a shell that comes late must not find the pipe
    closeSync(fd);
    arrived.close();
    tmux?.kill();
    tmux?.unref();
  };
  try {
    if (!tmux) throw new Error("the tmux server is gone");
    const terminal = await Promise.race([arrived.terminal, refusal(tmux, client), tooLate(signal)]);
    if (terminal !== "occupied") return { terminal, close };
    close();
    return terminal;
  } catch (error) {
    close();
    throw error;
  }
}

/** A shell without the user's own in between, which may be any. */
function command({ client, folder, word, columns, rows }: PopupPlace): string[] {
  const { name, session, popups, titles } = client;
  const [width, height] = [String(columns), String(rows)];
  const where = popups
    ? ["display-popup", "-E", ...(titles ? ["-T", TITLE] : []), "-c", name, "-w", width, "-h", height]
    : ["split-window", "-f", "-l", height, "-t", `${session}:`];
  return [...where, "/bin/sh", "-c", SCRIPT, folder, word];
}

function arrival(folder: string, word: string, terminalOf: (pid: number) => string | undefined) {
  const watcher = watch(folder);
  const terminal = new Promise<string>((resolve, reject) => {
    watcher.on("error", reject);
    watcher.on("change", (_, name) => {
      const [begin, pid] = String(name).split(".");
      const path = begin === word ? terminalOf(Number(pid)) : undefined;
      if (path !== undefined) resolve(path);
    });
  });
  terminal.catch(() => {});
  return { terminal, close: () => watcher.close() };
}

/** tmux waits for the end of a popup: where it ends first, there is none. */
function refusal(tmux: ChildProcess, { popups }: TmuxClient): Promise<"occupied"> {
  let said = "";
  tmux.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, 1000);
  });
  const refused = new Promise<"occupied">((resolve, reject) => {
    tmux.once("error", reject);
    tmux.once("close", (code) => {
      if (code !== 0) reject(new Error(said.trim() || `tmux ended with ${code}`));
      else if (popups) resolve("occupied");
    });
  });
  refused.catch(() => {}); // also one that comes when nobody waits any more
  return refused;
}

function tooLate(signal: AbortSignal): Promise<never> {
  const ended = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const late = new Promise<never>((_, reject) => {
    ended.addEventListener("abort", () =>
      reject(signal.aborted ? signal.reason : new Error("the popup did not come up")),
    );
  });
  late.catch(() => {});
  return late;
}

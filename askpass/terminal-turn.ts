/**
 * One question at a time on a terminal: programs that were started together (`git fetch --jobs`, `xargs -P`)
 * ask on the same one, and what is typed for the first could otherwise go to the second. Whoever listens at
 * the terminal's socket has the turn; it ends with the process, however that ends.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, type Listener, listenPrivately } from "../src/platform/sockets/listener.ts";
import { openPaths } from "../src/settings/paths.ts";
import { terminalNumber } from "./in-foreground.ts";

/** How often to look whether the turn has come, in milliseconds. */
const LOOK_EVERY = 50;

/** @param signal aborted when the answer is no longer wanted */
export async function inTerminalTurn<T>(signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  const turn = await takeTurn(join(openPaths().runtime, `turn-${terminalNumber()}.sock`), signal);
  try {
    return await action();
  } finally {
    await turn?.close();
  }
}

/** @returns undefined where there are no turns: a secret may be wanted where no socket can be made */
async function takeTurn(path: string, signal: AbortSignal): Promise<Listener | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const turn = await listenPrivately(path, (socket) => void socket.destroy()).catch(() => undefined);
    if (turn || !(await answers(path))) return turn;
    await sleep(LOOK_EVERY, undefined, { signal });
  }
}

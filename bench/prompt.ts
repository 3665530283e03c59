/**
 * From a request, a login to a host that proved its key, to its question: on the session's bus, where drawing
 * it is not the guard's, and on the terminal of a tmux client.
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StubServer } from "../lab/desktop/notification-server.ts";
import { firstWords } from "../lab/processes.ts";
import { AgentClient } from "./agent-client.ts";
import type { GuardOptions, Lab } from "./lab.ts";
import { memoryRow } from "./load.ts";
import { createLogin } from "./login.ts";
import { type Summary, summarize } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

const WARM_UP = 20;
export const ON_BUS = 200;
const IN_TMUX = 60;
/** Of how many daemons the first question is measured. */
const DAEMONS = 9;
const MOST_MILLISECONDS = 50;

/** By then a daemon has got ready for its first question, in milliseconds. */
export const READY_AFTER = 3000;

/** Where questions come up. */
export interface Screen {
  /** Resolves when the next question is there. */
  shows(): Promise<void>;
  /** Resolves when it has gone. */
  isEmpty(): Promise<void>;
}

export async function benchPrompt(lab: Lab): Promise<Row[]> {
  return [...(await onBus(lab)), ...(await inTmux(lab))];
}

async function onBus(lab: Lab): Promise<Row[]> {
  const { found, memory } = await askOnBus(lab);
  return [...rows("on the session's bus", found), memory];
}

/** On the session's bus, where a notification server takes them that draws nothing. */
export async function askOnBus(lab: Lab): Promise<{ found: Found; memory: Row }> {
  const bus = await lab.startBus();
  try {
    const server = await StubServer.start(await bus.client());
    const environment = {
      DBUS_SESSION_BUS_ADDRESS: bus.address,
      DBUS_SYSTEM_BUS_ADDRESS: bus.address,
    };
    const config = 'approvers = ["notification"]';
    let nth = 0;
    const screen: Screen = {
      shows: async () => void (await server.nth(++nth)),
      isEmpty: async () => server.isClosed((await server.nth(nth)).id),
    };
    const options = (): GuardOptions => ({ environment, config, stderr: "ignore" });
    const { found, pid } = await askOn(screen, lab, options, ON_BUS);
    return { found, memory: memoryRow(`${ON_BUS} questions there`, pid) };
  } finally {
    await bus.close();
  }
}

async function inTmux(lab: Lab): Promise<Row[]> {
  const folder = join(lab.folder, "tmux");
  mkdirSync(folder, { mode: 0o700 });
  const environment = { ...process.env, TMUX_TMPDIR: folder, TMUX: "", TERM: "xterm" };
  const attached = "tmux -u -f /dev/null new-session cat";
  const client = lab.spawn("script", ["-qfc", attached, "/dev/null"], {
    env: environment,
    stdio: ["pipe", "pipe", "inherit"],
  });
  await firstWords(client);
  try {
    const config = 'approvers = ["tmux"]';
    const options = (): GuardOptions => ({ environment, config, stderr: "ignore" });
    const { found } = await askOn(terminalOf(client), lab, options, IN_TMUX);
    return rows("in a popup of tmux", found);
  } finally {
    await lab.run("tmux", ["kill-server"], environment);
  }
}

function terminalOf(client: ChildProcess): Screen {
  let shown = "";
  let look = (): void => {};
  client.stdout?.setEncoding("utf8").on("data", (more: string) => {
    shown += more;
    look();
  });
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => holds() && resolve();
      look();
    });
  return {
    shows: () => until(() => shown.includes("Allow it?")),
    async isEmpty() {
      shown = "";
      await until(() => shown !== ""); // what was below the popup is drawn again
      await new Promise((resolve) => setTimeout(resolve, 100));
      shown = "";
    },
  };
}

/** How long questions took to come, in milliseconds. */
export interface Found {
  first: number[];
  later: number[];
}

/** @param options of the next guard @returns what was found, and the daemon that asked the later ones */
export async function askOn(
  screen: Screen,
  lab: Lab,
  options: () => GuardOptions,
  count: number,
): Promise<{ found: Found; pid: number }> {
  const found: Found = { first: [], later: [] };
  for (;;) {
    const { socket, pid } = await lab.startGuard(options());
    await new Promise((resolve) => setTimeout(resolve, READY_AFTER));
    found.first.push(...(await ask(lab, socket, screen, 1)));
    if (found.first.length < DAEMONS) continue;
    found.later = (await ask(lab, socket, screen, WARM_UP + count)).slice(WARM_UP);
    return { found, pid };
  }
}

/** Each question is withdrawn before the next. @returns how long each took to come, in milliseconds */
async function ask(lab: Lab, socket: string, screen: Screen, count: number): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < count) {
    const { bind, login } = createLogin(lab.key);
    const client = await AgentClient.connect(socket);
    await client.request(bind);
    const began = performance.now();
    client.request(login).catch(() => {}); // nobody answers
    await screen.shows();
    samples.push(performance.now() - began);
    await client.close();
    await screen.isEmpty();
  }
  return samples;
}

function rows(where: string, { first, later }: Found): Row[] {
  return [
    row(`${where}, the first one of a daemon`, summarize(first)),
    row(`${where}, later ones`, summarize(later)),
  ];
}

function row(where: string, summary: Summary): Row {
  return {
    measure: `request to question ${where}`,
    guard: renderSummary(summary),
    result: `${summary.p50.toFixed(1)} ms`,
    target: `< ${MOST_MILLISECONDS} ms`,
    holds: summary.p50 < MOST_MILLISECONDS,
  };
}

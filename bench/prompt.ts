/**
 * From a request, a login to a host that proved its key, to its question: on the session's bus, where drawing it is not the guard's, and on the terminal of a
 * tmux client.
 */
import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StubServer } from "../test/support/message-bus.ts";
import { AgentClient } from "./agent-client.ts";
import type { Lab } from "./lab.ts";
import { memoryRow } from "./load.ts";
import { createLogin } from "./login.ts";
import { ready } from "./processes.ts";
import { type Summary, summarize } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

const WARM_UP = 20;
const ON_BUS = 200;
const MOST_MILLISECONDS = 50;

/** By then a daemon has got ready for its first question, in milliseconds. */
const READY_AFTER = 3000;

/** Where questions come up. */
interface Screen {
  /** @param nth of all questions, from 1 */
  shows(nth: number): Promise<void>;
  isEmpty(nth: number): Promise<void>;
}

export async function benchPrompt(lab: Lab): Promise<Row[]> {
  return [...(await onBus(lab)), ...(await inTmux(lab))];
}

async function onBus(lab: Lab): Promise<Row[]> {
  const bus = await lab.startBus();
  try {
    const server = await StubServer.start(await bus.client());
    const environment = {
      DBUS_SESSION_BUS_ADDRESS: bus.address,
      DBUS_SYSTEM_BUS_ADDRESS: bus.address,
    };
    const config = 'approvers = ["notification"]';
    const { socket, pid } = await lab.startGuard({ environment, config, stderr: "ignore" });
    const screen: Screen = {
      shows: async (nth) => void (await server.nth(nth)),
      isEmpty: async (nth) => server.isClosed((await server.nth(nth)).id),
    };
    const samples = await ask(lab, socket, screen, ON_BUS);
    return [...rows("on the session's bus", samples), memoryRow(`${ON_BUS} questions there`, pid)];
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
  await ready(client);
  try {
    const { socket } = await lab.startGuard({
      environment,
      config: 'approvers = ["tmux"]',
      stderr: "ignore",
    });
    return rows("in a popup of tmux", await ask(lab, socket, terminalOf(client), 60));
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

/** Each question is withdrawn before the next. @returns how long each took to come, in milliseconds */
async function ask(lab: Lab, socket: string, screen: Screen, count: number): Promise<number[]> {
  const samples: number[] = [];
  await new Promise((resolve) => setTimeout(resolve, READY_AFTER));
  while (samples.length < count) {
    const nth = samples.length + 1;
    const { bind, login } = createLogin(lab.key);
    const client = await AgentClient.connect(socket);
    await client.request(bind);
    const began = performance.now();
    client.request(login).catch(() => {}); // nobody answers
    await screen.shows(nth);
    samples.push(performance.now() - began);
    await client.close();
    await screen.isEmpty(nth);
  }
  return samples;
}

function rows(where: string, [first = Number.NaN, ...samples]: number[]): Row[] {
  const later = summarize(samples.slice(WARM_UP));
  return [
    row(`${where}, the first one of a daemon`, { p50: first, p95: first }),
    row(`${where}, later ones`, later),
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

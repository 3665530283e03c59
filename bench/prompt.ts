/** From a request to its question on the session's bus. What the notification server needs to draw it is not the guard's. */
import { encodeAgentRequest } from "../src/wire/agent.ts";
import { encodeFrame } from "../src/wire/frame.ts";
import { StubServer } from "../test/support/message-bus.ts";
import { AgentClient } from "./agent-client.ts";
import type { Lab } from "./lab.ts";
import { type Summary, summarize } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

/** The rules ask about it; it is never carried out. */
const change = encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" }));

const QUESTIONS = 200;
const WARM_UP = 20;
const MOST_MILLISECONDS = 50;

export async function benchPrompt(lab: Lab): Promise<Row[]> {
  const bus = await lab.startBus();
  try {
    const server = await StubServer.start(await bus.client());
    const { socket } = await lab.startGuard({
      environment: { DBUS_SESSION_BUS_ADDRESS: bus.address, DBUS_SYSTEM_BUS_ADDRESS: bus.address },
      config: 'approvers = ["notification"]',
      stderr: "ignore",
    });
    const [first = Number.NaN, ...samples] = await ask(socket, server);
    return [
      row("the first one of a guard", { p50: first, p95: first }),
      row("later ones", summarize(samples.slice(WARM_UP))),
    ];
  } finally {
    await bus.close();
  }
}

function row(which: string, summary: Summary): Row {
  return {
    measure: `request to question on the session's bus, ${which}`,
    guard: renderSummary(summary),
    result: `${summary.p50.toFixed(1)} ms`,
    ...(which === "later ones" && {
      target: `< ${MOST_MILLISECONDS} ms`,
      holds: summary.p95 < MOST_MILLISECONDS,
    }),
  };
}

/** Each question is withdrawn before the next. @returns how long each took to come, in milliseconds */
async function ask(socket: string, server: StubServer): Promise<number[]> {
  const samples: number[] = [];
  while (samples.length < QUESTIONS) {
    const client = await AgentClient.connect(socket);
    const began = performance.now();
    client.request(change).catch(() => {}); // nobody answers
    const { id } = await server.nth(samples.length + 1);
    samples.push(performance.now() - began);
    await client.close();
    await server.isClosed(id);
  }
  return samples;
}

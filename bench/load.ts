/**
 * The guard under load, in a process of its own: how much memory it takes, and whether it serves many clients
 * at once.
 */
import { readFileSync } from "node:fs";
import { list, sign, signRequest } from "./agent.ts";
import { AgentClient } from "./agent-client.ts";
import type { Lab } from "./lab.ts";
import type { Row } from "./table.ts";

const SIGNATURES = 10_000;
/** The memory of the first is what the target is about; all have to be answered. */
const CLIENTS = 1000;
const MANY_CLIENTS = 2000;
const MOST_MEGABYTES = 80;
const MOST_AFTER_SIGNATURES = 60;

/** After a while in which nothing is asked for V8 collects what is left, in milliseconds. */
const IDLE = 30_000;

export async function benchMemory(lab: Lab): Promise<Row[]> {
  const { socket, pid } = await lab.startGuard();
  const request = signRequest(lab.key);
  const client = await AgentClient.connect(socket);
  await sign(client, request);
  const before = memoryRow("first signature", pid);
  for (let done = 1; done < SIGNATURES; done++) await sign(client, request);
  const after = memoryRow(`${SIGNATURES.toLocaleString("en")} signatures`, pid, MOST_AFTER_SIGNATURES);
  await client.close();
  return [before, after];
}

/** What the process takes now. */
export function memoryRow(after: string, pid: number, most = MOST_MEGABYTES): Row {
  const megabytes = residentMemory(pid);
  const result = `${megabytes.toFixed(0)} MB`;
  const target = `< ${most} MB`;
  return {
    measure: `resident memory after ${after}`,
    guard: result,
    result,
    target,
    holds: megabytes < most,
  };
}

/** In MB. proc(5) */
export function residentMemory(pid: number): number {
  const [, kibibytes = "NaN"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return (Number(kibibytes) * 1024) / 1e6;
}

/** All are connected before the first asks for anything. */
export async function benchClients(lab: Lab): Promise<Row[]> {
  const { socket, pid } = await lab.startGuard();
  const row = await clientsRow(lab, socket, CLIENTS);
  const clients = `${CLIENTS.toLocaleString("en")} clients at once`;
  const after = memoryRow(clients, pid);
  await new Promise((resolve) => setTimeout(resolve, IDLE));
  const later = memoryRow(`${clients}, half a minute later`, pid);
  return [row, after, later, await clientsRow(lab, socket, MANY_CLIENTS)];
}

async function clientsRow(lab: Lab, socket: string, count: number): Promise<Row> {
  const bare = await serveClients(lab.agentSocket, lab.key, count);
  const guard = await serveClients(socket, lab.key, count);
  return {
    measure: `${count.toLocaleString("en")} clients at once, each lists and signs`,
    bare: `${bare.answered} answered in ${bare.milliseconds.toFixed(0)} ms`,
    guard: `${guard.answered} answered in ${guard.milliseconds.toFixed(0)} ms`,
    result: `${guard.answered} of ${count} answered`,
    target: "all",
    holds: guard.answered === count,
  };
}

async function serveClients(
  socket: string,
  key: Buffer,
  count: number,
): Promise<{ answered: number; milliseconds: number }> {
  const clients = await Promise.all(Array.from({ length: count }, () => AgentClient.connect(socket)));
  const request = signRequest(key);
  const began = performance.now();
  const answers = await Promise.allSettled(
    clients.map(async (client) => {
      await list(client);
      await sign(client, request);
    }),
  );
  const milliseconds = performance.now() - began;
  await Promise.all(clients.map((client) => client.close()));
  for (const reason of reasons(answers)) process.stderr.write(`a client got ${reason}\n`);
  return { answered: answers.filter(({ status }) => status === "fulfilled").length, milliseconds };
}

/** Each once. */
function reasons(answers: readonly PromiseSettledResult<void>[]): Set<string> {
  return new Set(answers.flatMap((answer) => (answer.status === "rejected" ? [String(answer.reason)] : [])));
}

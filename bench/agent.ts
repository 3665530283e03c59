/** Requests to the agent socket: signatures, logins, lists, and lists over a connection of their own. */
import { randomBytes } from "node:crypto";
import { encodeAgentRequest } from "../src/wire/agent/agent.ts";
import { AgentMessage } from "../src/wire/agent/message-numbers.ts";
import { encodeFrame, type Frame } from "../src/wire/frame.ts";
import { AgentClient } from "./agent-client.ts";
import { cpuTime } from "./cpu.ts";
import type { Lab } from "./lab.ts";
import { createLogin } from "./login.ts";
import { interleave, type Plan, type Summary, type Variant } from "./samples.ts";
import { type Row, renderSummary } from "./table.ts";

type Name = "bare" | "passThrough" | "filter" | "guard";

export const listRequest = encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_REQUEST_IDENTITIES" }));

/** 200 bytes that are neither a login nor an SSHSIG. */
export function signRequest(key: Buffer): Frame {
  const data = randomBytes(200);
  return encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 }));
}

/** @throws Error if the request was refused: a denial would be fast */
export async function sign(client: AgentClient, request: Frame): Promise<void> {
  expectReply(await client.request(request), "SSH_AGENT_SIGN_RESPONSE");
}

export async function list(client: AgentClient): Promise<void> {
  expectReply(await client.request(listRequest), "SSH_AGENT_IDENTITIES_ANSWER");
}

function expectReply(reply: Frame, expected: keyof typeof AgentMessage): void {
  if (reply.payload[0] !== AgentMessage[expected]) throw new Error(`no ${expected}, but ${reply.payload[0]}`);
}

export async function benchSign(lab: Lab): Promise<Row[]> {
  const request = signRequest(lab.key);
  const plan = { rounds: 40, batch: 50, warmUp: 2000 };
  return [
    await compare(
      lab,
      "Ed25519 signature, allowed by a rule",
      1.2,
      plan,
      connected((client) => sign(client, request)),
    ),
  ];
}

export async function benchLogin(lab: Lab): Promise<Row[]> {
  const { bind, login } = createLogin(lab.key);
  const plan = { rounds: 40, batch: 50, warmUp: 2000 };
  const measured = connected(
    (client) => sign(client, login),
    (client) => client.request(bind), // refused by ssh-agent-filter, which signs nevertheless
  );
  return [await compare(lab, "Ed25519 login, verified host, remembered approval", 1.25, plan, measured)];
}

export async function benchList(lab: Lab): Promise<Row[]> {
  const plan = { rounds: 40, batch: 200, warmUp: 3000 };
  return [await compare(lab, "list of keys", "filter", plan, connected(list))];
}

export async function benchConnect(lab: Lab): Promise<Row[]> {
  const plan = { rounds: 40, batch: 50, warmUp: 1000 };
  return [
    await compare(lab, "connect, list, close", 2.5, plan, async (socket) => ({
      once: () => listOnce(socket),
    })),
  ];
}

async function listOnce(socket: string): Promise<void> {
  const client = await AgentClient.connect(socket);
  await list(client);
  await client.close();
}

/** What is measured, set up for a socket. */
interface Measured {
  once(): Promise<unknown>;
  close?: () => Promise<void>;
}

type SetUp = (socket: string) => Promise<Measured>;

/** Over one connection that is there already. */
function connected(
  once: (client: AgentClient) => Promise<unknown>,
  first?: (client: AgentClient) => Promise<unknown>,
): SetUp {
  return async (socket) => {
    const client = await AgentClient.connect(socket);
    await first?.(client);
    return { once: () => once(client), close: () => client.close() };
  };
}

/** Times what the bare agent takes, or no more than ssh-agent-filter in the same run. */
type Most = number | "filter";

async function compare(lab: Lab, measure: string, most: Most, plan: Plan, setUp: SetUp): Promise<Row> {
  const variants: (Variant<Name> & Measured)[] = [];
  for (const { name, socket, pid } of await agents(lab))
    variants.push({
      name,
      ...(await setUp(socket)),
      ...(pid !== undefined && { cpu: () => cpuTime(pid) }),
    });
  const summaries = await interleave(variants, plan);
  for (const { close } of variants) await close?.();
  return toRow(measure, most, summaries);
}

/** Who is asked, and which process answers; ssh-agent-filter has one for each connection. */
async function agents(lab: Lab): Promise<{ name: Name; socket: string; pid?: number }[]> {
  const filter = await lab.filter();
  return [
    { name: "bare", socket: lab.agentSocket, pid: lab.agentPid },
    { name: "passThrough", ...(await lab.passThrough()) },
    ...(filter === undefined ? [] : [{ name: "filter" as const, socket: filter }]),
    { name: "guard", ...(await lab.guard()) },
  ];
}

function toRow(measure: string, most: Most, summaries: Map<Name, Summary>): Row {
  const cell = (name: Name): string => {
    const summary = summaries.get(name);
    return summary ? renderSummary(summary) : "not installed";
  };
  const ratio = (name: Name): number =>
    (summaries.get(name)?.p50 ?? Number.NaN) / (summaries.get("bare")?.p50 ?? Number.NaN);
  const target = most === "filter" ? ratio("filter") : most;
  return {
    measure,
    bare: cell("bare"),
    passThrough: cell("passThrough"),
    filter: cell("filter"),
    guard: cell("guard"),
    result: `${ratio("guard").toFixed(2)} × bare`,
    target: `≤ ${most === "filter" ? `${target.toFixed(2)}, ssh-agent-filter's` : target}`,
    holds: ratio("guard") <= target,
  };
}

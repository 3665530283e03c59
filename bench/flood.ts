/**
 * One client never holds up another: how long an honest client waits for a signature while others flood the
 * guard with what it answers itself, or send and read nothing; and how much memory that takes.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeAgentRequest } from "../src/wire/agent/agent.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../src/wire/frame.ts";
import { MUX_VERSION } from "../src/wire/mux/message-numbers.ts";
import { encodeMuxRequest, type MuxRequest } from "../src/wire/mux/request.ts";
import { encodeSshsig } from "../src/wire/signed-data.ts";
import { sign } from "./agent.ts";
import { AgentClient } from "./agent-client.ts";
import type { Lab, RunningGuard } from "./lab.ts";
import { residentMemory } from "./load.ts";
import { MuxLab } from "./mux-lab.ts";
import { percentile } from "./samples.ts";
import type { Row } from "./table.ts";

const REQUESTS = 40_000;
const SILENT = 100;
const SILENT_BYTES = 64 * 1024;
/** In milliseconds. */
const MOST_WAIT = 50;
const MOST_MEGABYTES = 100;
/** How many signatures are waited for beside those who read nothing. */
const SIGNATURES = 300;

const policy = `
default = "deny"
[[rule]]
on = ["sign"]
namespace = "honest"
action = "allow"
`;

/** Requests that go out at once, and when it is over. */
interface Flood {
  measure: string;
  begin(guard: RunningGuard): Promise<{ over: Promise<unknown>; sockets: Socket[] }>;
}

export async function benchFlood(lab: Lab): Promise<Row[]> {
  const mux = await MuxLab.open(lab, { policy: `${policy}${logins}`, stderr: "ignore" });
  const { guarded } = await mux.startMasters();
  const denied = signature(lab.key, "denied");
  const floods: Flood[] = [
    {
      measure: `${count} denied signatures in one connection`,
      begin: ({ socket }) => pipelined(socket, denied, REQUESTS),
    },
    {
      measure: `${count} ALIVE_CHECK in one connection`,
      begin: () => pipelined(guarded, muxFrame(alive), REQUESTS, muxFrame(hello)),
    },
    {
      measure: `${count} denied forwards in one connection`,
      begin: () => pipelined(guarded, muxFrame(forward), REQUESTS, muxFrame(hello)),
    },
    {
      measure: `${SILENT} agent clients that send 64 KB of small requests and read nothing`,
      begin: ({ socket }) => silent(socket, encodeFrame(Buffer.of(UNKNOWN))),
    },
    {
      measure: `${SILENT} mux clients that send 64 KB of ALIVE_CHECK and read nothing`,
      begin: () => silent(guarded, muxFrame(alive), muxFrame(hello)),
    },
    {
      measure: `${SILENT} connections of ${REQUESTS / SILENT} denied signatures each`,
      begin: ({ socket }) => manyPipelined(socket, denied),
    },
  ];
  const rows: Row[] = [];
  for (const flood of floods) rows.push(...(await beside(flood, mux.guard, lab.key)));
  return rows;
}

const count = REQUESTS.toLocaleString("en");
const UNKNOWN = 200;
const logins = `
[[rule]]
on = ["sign"]
host = "box.example"
action = "allow"
`;

const hello: MuxRequest = { type: "MUX_MSG_HELLO", version: MUX_VERSION, extensions: [] };
const alive: MuxRequest = { type: "MUX_C_ALIVE_CHECK", requestId: 1 };
const forward: MuxRequest = {
  ...{ type: "MUX_C_OPEN_FWD", requestId: 1, forward: "local", listenHost: "", listenPort: 8080 },
  ...{ connectHost: "db", connectPort: 5432 },
};

function muxFrame(request: MuxRequest): Frame {
  return encodeFrame(encodeMuxRequest(request));
}

export function signature(key: Buffer, namespace: string): Frame {
  const data = encodeSshsig({ kind: "sshsig", namespace, hashAlgorithm: "sha256", hash: randomBytes(32) });
  return encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 }));
}

async function beside({ measure, begin }: Flood, guard: RunningGuard, key: Buffer): Promise<Row[]> {
  const client = await AgentClient.connect(guard.socket);
  const honest = signature(key, "honest");
  await sign(client, honest);
  const { over, sockets } = await begin(guard);
  let isOver = false;
  const done = over.then(() => {
    isOver = true;
  });
  const waits: number[] = [];
  let most = 0;
  while (!isOver && waits.length < SIGNATURES * 10) {
    const began = performance.now();
    await sign(client, honest);
    waits.push(performance.now() - began);
    most = Math.max(most, residentMemory(guard.pid));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  for (const socket of sockets) socket.destroy();
  await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 1000))]);
  await client.close();
  const p99 = percentile(waits, 0.99);
  const worst = Math.max(...waits);
  return [
    {
      measure: `signature beside ${measure}`,
      guard: `${percentile(waits, 0.5).toFixed(1)} ms (p99 ${p99.toFixed(0)}, worst ${worst.toFixed(0)}; ${waits.length})`,
      result: `${p99.toFixed(0)} ms`,
      target: `< ${MOST_WAIT} ms`,
      holds: p99 < MOST_WAIT,
    },
    {
      measure: "resident memory meanwhile",
      guard: `${most.toFixed(0)} MB`,
      result: `${most.toFixed(0)} MB`,
      target: `< ${MOST_MEGABYTES} MB`,
      holds: most < MOST_MEGABYTES,
    },
  ];
}

async function opened(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** All at once; it is over when all are answered. */
async function pipelined(
  path: string,
  request: Frame,
  requests: number,
  greeting?: Frame,
): Promise<{ over: Promise<unknown>; sockets: Socket[] }> {
  const socket = await opened(path);
  const decoder = new FrameDecoder();
  let answers = greeting ? -1 : 0;
  const over = new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      answers += decoder.push(chunk).length;
      if (answers >= requests) resolve();
    });
  });
  if (greeting) socket.write(greeting.packet);
  socket.write(Buffer.concat(Array(requests).fill(request.packet)));
  return { over, sockets: [socket] };
}

async function manyPipelined(
  path: string,
  request: Frame,
): Promise<{ over: Promise<unknown>; sockets: Socket[] }> {
  const floods = [];
  for (let at = 0; at < SILENT; at++) floods.push(await pipelined(path, request, REQUESTS / SILENT));
  return {
    over: Promise.all(floods.map(({ over }) => over)),
    sockets: floods.flatMap(({ sockets }) => sockets),
  };
}

async function silent(
  path: string,
  request: Frame,
  greeting?: Frame,
): Promise<{ over: Promise<unknown>; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  while (sockets.length < SILENT) sockets.push(await opened(path));
  const requests = Array(Math.ceil(SILENT_BYTES / request.packet.length)).fill(request.packet);
  const bytes = Buffer.concat([...(greeting ? [greeting.packet] : []), ...requests]);
  for (const socket of sockets) {
    socket.pause();
    socket.write(bytes);
  }
  return { over: new Promise((resolve) => setTimeout(resolve, 5000)), sockets };
}

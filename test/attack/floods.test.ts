/** Much at once, from one program: others are served meanwhile, and the guard stays as small as it was. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { afterAll, afterEach, beforeAll } from "vitest";
import { until } from "../../lab/lab.ts";
import { HOST, MuxLab } from "../../lab/mux-lab.ts";
import { encodeAgentRequest } from "../../src/wire/agent/agent.ts";
import { encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";
import { encodeSshsig } from "../../src/wire/signed-data.ts";
import { readBlob } from "../peer/identity/keys.ts";
import { describeWith } from "../peer/tools.ts";
import { AgentClient } from "../support/agent-client.ts";
import { gainNothing, type Outcome } from "./attack.ts";
import { open } from "./raw-client.ts";

const POLICY = `default = "allow"
[[rule]]
namespace = "ask*"
action = "ask"
timeout = "20s"
`;

/** In milliseconds: for an honest request while others flood, on a busy machine. */
const PATIENCE = 10_000;
/** In MiB. */
const ROOM = 300;

describeWith(["ssh", "sshd"], "a flood takes nobody else's", () => {
  const lab = new MuxLab();
  const sockets: Socket[] = [];
  const clients: AgentClient[] = [];
  let key: Buffer;
  beforeAll(async () => {
    lab.settings('approvers = ["queue"]\nmax_questions = 4\n');
    lab.policy(POLICY);
    await lab.open();
    await lab.startMaster();
    key = readBlob(lab.path("me@laptop.pub"));
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => lab.close());

  const request = (namespace: string): Buffer => {
    const data = encodeSshsig({ kind: "sshsig", namespace, hashAlgorithm: "sha256", hash: randomBytes(32) });
    return encodeAgentRequest({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags: 0 });
  };
  const connect = async (): Promise<AgentClient> => {
    const client = await AgentClient.open(lab.agentSocket);
    clients.push(client);
    return client;
  };
  const half = async (path: string, bytes: Buffer): Promise<void> => {
    const socket = await open(path);
    socket.on("error", () => {});
    socket.write(bytes);
    sockets.push(socket);
  };
  const many = (count: number, path: string, bytes: Buffer): Promise<unknown> =>
    Promise.all(Array.from({ length: count }, () => half(path, bytes)));

  const memory = (): number =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${lab.daemon?.pid}/status`, "utf8"))?.[1]) / 1024;

  /** What was taken from an honest request, while the flood goes on. */
  const takenFrom = async (honest: () => Promise<boolean>, tried: unknown): Promise<Outcome> => {
    const began = performance.now();
    const isServed = await honest();
    const took = performance.now() - began;
    const lost = [
      !isServed && "an answer",
      took > PATIENCE && `${took} ms`,
      memory() > ROOM && `${memory()} MiB`,
    ];
    return { tried, gained: lost.filter(Boolean).join() };
  };
  const signs = async (): Promise<boolean> => (await (await connect()).exchange(request("file")))[0] === 14;
  const rides = async (): Promise<boolean> => (await lab.ssh(HOST, "true")).code === 0;
  const answers = async (): Promise<boolean> => (await lab.muxguard("status")).code === 0;

  gainNothing({
    "signature: 1,000 connections, each with half a request": async () => {
      await many(1000, lab.agentSocket, encodeFrame(request("file")).packet.subarray(0, 40));
      return takenFrom(signs, sockets.length === 1000);
    },
    "session: 500 connections to a shared one that say nothing more": async () => {
      await many(500, lab.controlPath(), Buffer.from([0, 0, 0]));
      return takenFrom(rides, sockets.length === 500);
    },
    "command of muxguard: 1,000 connections to the daemon with half a line": async () => {
      await many(1000, lab.daemonSocket, Buffer.from('{"id":1,'));
      return takenFrom(answers, sockets.length === 1000);
    },
    "turn: 10,000 requests in one connection": async () => {
      const socket = await open(lab.agentSocket);
      sockets.push(socket);
      const decoder = new FrameDecoder();
      let answered = 0;
      socket.on("data", (chunk: Buffer) => {
        answered += decoder.push(chunk).length;
      });
      socket.write(Buffer.concat(Array(10_000).fill(encodeFrame(Buffer.of(11)).packet)));
      await until(() => answered > 0, "the first answer");
      const outcome = await takenFrom(signs, true);
      await until(
        () => answered === 10_000,
        () => `10,000 answers, of which there are ${answered}`,
      );
      return outcome;
    },
    "room for questions: one program that asks 100 at once": async () => {
      const before = lab.log().length;
      for (let at = 0; at < 100; at++) {
        const client = await connect();
        void client.exchange(request(`ask-${at}`)).catch(() => {}); // most are still open at the end
      }
      const denied = (): number =>
        lab
          .log()
          .slice(before)
          .filter(({ reason }) => /questions/.test(reason ?? "")).length;
      await until(
        () => denied() === 96,
        () => `96 denials, of which there are ${denied()}`,
      );
      const questions = await lab.pending(4);
      const other = lab.run(
        "ssh-keygen",
        ["-Y", "sign", "-n", "ask other", "-f", lab.path("me@laptop.pub")],
        {
          input: "x",
        },
      );
      const all = await lab.pending(5);
      for (const client of clients.splice(0)) client.close();
      for (const { id } of all.filter((one) => !questions.some(({ id }) => id === one.id)))
        await lab.muxguard("approve", id);
      const { code } = await other;
      return { tried: questions.length === 4, gained: code !== 0 && "the other program's question" };
    },
  });
});

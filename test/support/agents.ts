/**
 * Agents to talk to: the real ssh-agent, and sockets that behave as a test wants. What they need is removed
 * after each test.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AgentAddress } from "../../src/guard/agent/upstream.ts";
import type { AgentRequest } from "../../src/wire/agent/agent.ts";
import { encodeAgentRequest } from "../../src/wire/agent/agent.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../../src/wire/frame.ts";

/** A temporary folder with a short name: a socket's path may have 107 bytes. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "mg-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const at = (path: string): AgentAddress => ({ name: path, connect: () => connect(path) });

export function frameOf(request: AgentRequest): Frame {
  return encodeFrame(encodeAgentRequest(request));
}

export interface RealAgent extends AgentAddress {
  /** Adds a new Ed25519 key, and returns its public blob. */
  addKey(name: string): Buffer;
  /** Adds a key that is there already. */
  addAgain(name: string): void;
  /** What `ssh-add -l` prints. */
  list(): string;
  kill(): Promise<void>;
}

export async function startAgent(folder: string, name: string): Promise<RealAgent> {
  const path = join(folder, name);
  const agent = spawn("ssh-agent", ["-D", "-a", path], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(agent, "close");
  onTestFinished(() => void agent.kill());
  await once(agent.stdout, "data"); // it says where it listens when it does
  const env = { ...process.env, SSH_AUTH_SOCK: path };
  const addAgain = (key: string): void =>
    void execFileSync("ssh-add", ["-q", join(folder, key)], { env, stdio: "pipe" });
  return {
    ...at(path),
    addKey(key) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", join(folder, key)]);
      addAgain(key);
      return Buffer.from(readFileSync(join(folder, `${key}.pub`), "utf8").split(" ")[1] ?? "", "base64");
    },
    addAgain,
    list() {
      try {
        return execFileSync("ssh-add", ["-l"], { env, encoding: "utf8" });
      } catch {
        return ""; // it exits with 1 where there are none
      }
    },
    async kill() {
      agent.kill("SIGKILL");
      await ended;
    },
  };
}

export interface FakeAgent extends AgentAddress {
  /** Connections that were made. */
  connections: Socket[];
  /** Requests that came, in order. */
  requests: Buffer[];
}

/** A socket that does this with each request. */
export async function fakeAgent(onRequest: (socket: Socket, payload: Buffer) => void): Promise<FakeAgent> {
  const path = join(makeFolder(), "fake.sock");
  const connections: Socket[] = [];
  const requests: Buffer[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    const decoder = new FrameDecoder();
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      for (const { payload } of decoder.push(chunk)) {
        requests.push(payload);
        onRequest(socket, payload);
      }
    });
  });
  server.listen(path);
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return { ...at(path), connections, requests };
}

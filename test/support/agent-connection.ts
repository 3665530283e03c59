/** One client of the agent socket: a real socket in front, a socket that plays the agent behind. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { AgentConnection, type AgentConnectionParts, type Route } from "../../src/guard/agent/connection.ts";
import { createUpstream } from "../../src/guard/agent/create-upstream.ts";
import { KeyNames } from "../../src/guard/agent/key-names.ts";
import { UsedKeys } from "../../src/guard/agent/used-keys.ts";
import type { Client } from "../../src/guard/client.ts";
import type { Scope } from "../../src/guard/decide/scope.ts";
import type { Policy } from "../../src/policy/policy.ts";
import {
  type AgentReply,
  type AgentRequest,
  encodeAgentReply,
  parseAgentReply,
} from "../../src/wire/agent/agent.ts";
import { encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";
import { ByteWriter } from "../../src/wire/primitives.ts";
import { encodeSshsig } from "../../src/wire/signed-data.ts";
import { type FakeAgent, fakeAgent, frameOf, makeFolder } from "./agents.ts";
import { makeBroker, makeScope, type TestBroker, type TestScope } from "./guard.ts";
import { caller, policy } from "./policy.ts";

export const key = new ByteWriter().string("ssh-ed25519").string(Buffer.alloc(32, 1)).toBuffer();
export const otherKey = new ByteWriter().string("ssh-ed25519").string(Buffer.alloc(32, 2)).toBuffer();
export const list: AgentRequest = { type: "SSH_AGENTC_REQUEST_IDENTITIES" };
export const lock: AgentRequest = { type: "SSH_AGENTC_LOCK", passphrase: Buffer.from("secret") };
export const sign = (by: Buffer): AgentRequest => {
  const signed = {
    kind: "sshsig",
    namespace: "git",
    hashAlgorithm: "sha512",
    hash: Buffer.alloc(64),
  } as const;
  return { type: "SSH_AGENTC_SIGN_REQUEST", key: by, data: encodeSshsig(signed), flags: 0 };
};

export const failure: AgentReply = { type: "SSH_AGENT_FAILURE" };
export const success: AgentReply = { type: "SSH_AGENT_SUCCESS" };
export const signature: AgentReply = { type: "SSH_AGENT_SIGN_RESPONSE", signature: Buffer.from("signature") };
export const identities: AgentReply = {
  type: "SSH_AGENT_IDENTITIES_ANSWER",
  identities: [{ key, comment: "work" }],
};

export const noIdentities: AgentReply = { type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [] };

/** Answers as an agent with one key does. */
export function play(socket: Socket, payload: Buffer): void {
  const reply = { 11: identities, 13: signature }[payload[0] ?? 0] ?? success;
  socket.write(encodeFrame(encodeAgentReply(reply)).packet);
}

export interface Setting extends TestBroker {
  agent: FakeAgent;
  scope: TestScope;
  client: Socket;
  /** The next answers. */
  replies(count: number): Promise<AgentReply[]>;
  ask(...requests: AgentRequest[]): Promise<AgentReply[]>;
}

interface Options {
  policy?: Policy;
  scope?: Partial<Scope>;
  /** Instead of that scope. */
  scopeOf?: AgentConnectionParts["scopeOf"];
  route?: Partial<Route>;
  client?: Partial<Client>;
  agent?: (socket: Socket, payload: Buffer) => void;
}

export async function open(options: Options = {}): Promise<Setting> {
  const agent = await fakeAgent(options.agent ?? play);
  const broker = makeBroker();
  const scope = makeScope(options.policy ?? policy([], { default: "allow" }), options.scope);
  const parts: AgentConnectionParts = {
    broker: broker.broker,
    scopeOf: options.scopeOf ?? (() => scope),
    upstream: createUpstream([agent], { answer: 5000, person: 5000 }),
    keyNames: new KeyNames(),
    usedKeys: new UsedKeys(),
    route: {
      bind: () => "accepted",
      resolve: () => Promise.resolve({ path: [], forwarded: false }),
      listedFor: () => ({ path: [], forwarded: false }),
      wasSigned: () => {},
      ...options.route,
    },
    client: { identify: () => caller, isUnchanged: () => true, ...options.client },
  };
  const path = join(makeFolder(), "guard.sock");
  const server = createServer((socket) => new AgentConnection(socket, parts)).listen(path);
  await once(server, "listening");
  const client = connect(path);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const replies = collect(client);
  const ask = (...requests: AgentRequest[]): Promise<AgentReply[]> => {
    client.write(Buffer.concat(requests.map((request) => frameOf(request).packet)));
    return replies(requests.length);
  };
  return { ...broker, agent, scope, client, replies, ask };
}

function collect(client: Socket): (count: number) => Promise<AgentReply[]> {
  const decoder = new FrameDecoder();
  const found: AgentReply[] = [];
  let arrived = (): void => {};
  client.on("data", (chunk) => {
    for (const { payload } of decoder.push(chunk)) found.push(parseAgentReply(payload));
    arrived();
  });
  return async (count) => {
    while (found.length < count) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
    return found.splice(0, count);
  };
}

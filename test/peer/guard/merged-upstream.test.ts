/** Several agents as one: two real ssh-agents. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createUpstream } from "../../../src/guard/agent/create-upstream.ts";
import { type AgentAddress, type Upstream, UpstreamError } from "../../../src/guard/agent/upstream.ts";
import {
  type AgentReply,
  type AgentRequest,
  encodeAgentReply,
  type Identity,
  parseAgentReply,
} from "../../../src/wire/agent/agent.ts";
import { AgentMessage } from "../../../src/wire/agent/message-numbers.ts";
import { SESSION_BIND } from "../../../src/wire/agent/session-bind.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import {
  at,
  type FakeAgent,
  fakeAgent,
  frameOf,
  makeFolder,
  type RealAgent,
  startAgent,
} from "../../support/agents.ts";

const timeouts = { answer: 5000, person: 5000 };
const list: AgentRequest = { type: "SSH_AGENTC_REQUEST_IDENTITIES" };

async function ask(upstream: Upstream, request: AgentRequest): Promise<AgentReply> {
  return parseAgentReply((await upstream.exchange(frameOf(request), request)).payload);
}

async function comments(upstream: Upstream): Promise<string[]> {
  const reply = await ask(upstream, list);
  return reply.type === "SSH_AGENT_IDENTITIES_ANSWER" ? reply.identities.map(({ comment }) => comment) : [];
}

const sign = (key: Buffer): AgentRequest => ({
  type: "SSH_AGENTC_SIGN_REQUEST",
  key,
  data: Buffer.from("anything"),
  flags: 0,
});

const success: AgentReply = { type: "SSH_AGENT_SUCCESS" };
const failure: AgentReply = { type: "SSH_AGENT_FAILURE" };
const noKeys: AgentReply = { type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [] };
const packetOf = (reply: AgentReply): Buffer => encodeFrame(encodeAgentReply(reply)).packet;

/** One that gives the same answer to everything. */
const answering = (reply: AgentReply): Promise<FakeAgent> =>
  fakeAgent((socket) => socket.write(packetOf(reply)));

/** One without keys that does what it is asked, but for these. */
const playing = (replies: Record<number, AgentReply>): Promise<FakeAgent> =>
  fakeAgent((socket, [number = 0]) => {
    const usual = number === AgentMessage.SSH_AGENTC_REQUEST_IDENTITIES ? noKeys : success;
    socket.write(packetOf(replies[number] ?? usual));
  });

const missing = (): AgentAddress => at(join(makeFolder(), "missing.sock"));

interface Pair {
  first: RealAgent;
  second: RealAgent;
  keys: { first: Buffer; second: Buffer };
  upstream: Upstream;
}

async function twoAgents(): Promise<Pair> {
  const folder = makeFolder();
  const [first, second] = [await startAgent(folder, "a.sock"), await startAgent(folder, "b.sock")];
  const keys = { first: first.addKey("first"), second: second.addKey("second") };
  return { first, second, keys, upstream: createUpstream([first, second], timeouts) };
}

describe("two agents", () => {
  test("list the keys of both, in their order", async () => {
    const { upstream } = await twoAgents();
    expect(await comments(upstream)).toEqual(["first", "second"]);
  });

  test("list a key that both hold once", async () => {
    const { second, upstream } = await twoAgents();
    second.addAgain("first");
    expect(await comments(upstream)).toEqual(["first", "second"]);
  });

  test("sign each with their own key", async () => {
    const { keys, upstream } = await twoAgents();
    await ask(upstream, list);
    for (const key of [keys.first, keys.second]) {
      expect(await ask(upstream, sign(key))).toMatchObject({ type: "SSH_AGENT_SIGN_RESPONSE" });
    }
    expect(await ask(upstream, sign(Buffer.from("no key")))).toEqual({ type: "SSH_AGENT_FAILURE" });
  });

  test("sign for a client that did not ask for the list", async () => {
    const { keys, upstream } = await twoAgents();
    expect(await ask(upstream, sign(keys.second))).toMatchObject({ type: "SSH_AGENT_SIGN_RESPONSE" });
  });

  test("sign with a key that came after the list", async () => {
    const { second, upstream } = await twoAgents();
    await ask(upstream, list);
    expect(await ask(upstream, sign(second.addKey("third")))).toMatchObject({
      type: "SSH_AGENT_SIGN_RESPONSE",
    });
  });

  test("remove a key from the one that holds it", async () => {
    const { first, second, keys, upstream } = await twoAgents();
    await ask(upstream, list);
    const removed = await ask(upstream, { type: "SSH_AGENTC_REMOVE_IDENTITY", key: keys.second });
    expect(removed).toEqual({ type: "SSH_AGENT_SUCCESS" });
    expect(first.list()).toContain("first");
    expect(second.list()).not.toContain("second");
  });

  test("remove all keys of both", async () => {
    const { first, second, upstream } = await twoAgents();
    expect(await ask(upstream, { type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" })).toEqual({
      type: "SSH_AGENT_SUCCESS",
    });
    expect(first.list() + second.list()).not.toMatch(/first|second/);
  });

  test("are locked and unlocked together", async () => {
    const { first, second, upstream } = await twoAgents();
    const passphrase = Buffer.from("secret");
    expect(await ask(upstream, { type: "SSH_AGENTC_LOCK", passphrase })).toEqual({
      type: "SSH_AGENT_SUCCESS",
    });
    expect(await comments(upstream)).toEqual([]);
    expect(first.list() + second.list()).not.toMatch(/first|second/);
    await ask(upstream, { type: "SSH_AGENTC_UNLOCK", passphrase });
    expect(await comments(upstream)).toEqual(["first", "second"]);
  });
});

describe("an agent that is dead", () => {
  test.each(["first", "second"] as const)("does not hide the keys of the other: %s", async (dead) => {
    const agents = await twoAgents();
    const alive = dead === "first" ? "second" : "first";
    await agents[dead].kill();
    expect(await comments(agents.upstream)).toEqual([alive]);
    expect(await ask(agents.upstream, sign(agents.keys[alive]))).toMatchObject({
      type: "SSH_AGENT_SIGN_RESPONSE",
    });
  });

  test("is told of if both are", async () => {
    const { first, second, upstream } = await twoAgents();
    await Promise.all([first.kill(), second.kill()]);
    await expect(ask(upstream, list)).rejects.toThrow(UpstreamError);
  });

  test("in the middle leaves its key without an answer, and the other's with one", async () => {
    const { second, keys, upstream } = await twoAgents();
    expect(await comments(upstream)).toEqual(["first", "second"]);
    await second.kill();
    await expect(ask(upstream, sign(keys.second))).rejects.toThrow(UpstreamError);
    expect(await ask(upstream, sign(keys.first))).toMatchObject({ type: "SSH_AGENT_SIGN_RESPONSE" });
    expect(await comments(upstream)).toEqual(["first"]);
  });
});

describe("what concerns all keys", () => {
  const passphrase = Buffer.from("tr0ub4dor");
  const lock: AgentRequest = { type: "SSH_AGENTC_LOCK", passphrase };
  const unlock: AgentRequest = { type: "SSH_AGENTC_UNLOCK", passphrase };
  const removeAll: AgentRequest = { type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" };

  /** A real agent with a key, and one that plays the second. */
  const withSecond = async (second: AgentAddress): Promise<{ first: RealAgent; upstream: Upstream }> => {
    const first = await startAgent(makeFolder(), "a.sock");
    first.addKey("first");
    return { first, upstream: createUpstream([first, second], timeouts) };
  };
  const fault = (upstream: Upstream, request: AgentRequest): Promise<string> =>
    ask(upstream, request).then(
      (reply) => `no fault but ${reply.type}`,
      (error: UpstreamError) => error.message,
    );

  test("is not said to be locked where one refused, and the other is unlocked again", async () => {
    const second = await playing({ [AgentMessage.SSH_AGENTC_LOCK]: failure });
    const { first, upstream } = await withSecond(second);
    const message = await fault(upstream, lock);
    expect(message).toBe(
      `not locked: the upstream agent ${second.name} refused; ${first.name} is unlocked again`,
    );
    expect(message).not.toContain("tr0ub4dor");
    expect(first.list()).toContain("first");
  });

  test("is not locked at all where one can't be reached", async () => {
    const first = await playing({});
    const gone = missing();
    const message = await fault(createUpstream([first, gone], timeouts), lock);
    expect(message).toBe(`not locked: the upstream agent ${gone.name} is missing: no such socket`);
    expect(first.requests).toEqual([frameOf(list).payload]);
  });

  test("is said to stay locked where it can't be unlocked again", async () => {
    const first = await playing({ [AgentMessage.SSH_AGENTC_UNLOCK]: failure });
    const second = await playing({ [AgentMessage.SSH_AGENTC_LOCK]: failure });
    const message = await fault(createUpstream([first, second], timeouts), lock);
    expect(message).toContain(`${first.name} may stay locked (ssh-add -X)`);
    expect(message).not.toContain("tr0ub4dor");
  });

  test("does not stay half locked when the client goes away meanwhile", async () => {
    let asked = (): void => {};
    const locking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const first = await playing({});
    const second = await fakeAgent((socket, [number]) => {
      if (number === AgentMessage.SSH_AGENTC_LOCK) asked();
      else socket.write(packetOf(number === AgentMessage.SSH_AGENTC_UNLOCK ? success : noKeys));
    });
    const upstream = createUpstream([first, second], timeouts);
    const message = fault(upstream, lock);
    await locking;
    upstream.close();
    expect(await message).toContain(`${first.name} is unlocked again; ${second.name} is unlocked again`);
    for (const { requests } of [first, second]) expect(requests.at(-1)).toEqual(frameOf(unlock).payload);
  });

  test("is unlocked where it can be, and the one that refused is named", async () => {
    const { first, second, upstream } = await twoAgents();
    await ask(createUpstream([first], timeouts), lock);
    await ask(createUpstream([second], timeouts), { ...lock, passphrase: Buffer.from("another") });
    expect(await fault(upstream, unlock)).toBe(
      `not all agents are unlocked: the upstream agent ${second.name} refused`,
    );
    expect(await comments(upstream)).toEqual(["first"]);
  });

  test("is refused as by one agent where all refuse: the passphrase is wrong", async () => {
    const { upstream } = await twoAgents();
    expect(await ask(upstream, lock)).toEqual(success);
    expect(await ask(upstream, { ...unlock, passphrase: Buffer.from("wrong") })).toEqual(failure);
    expect(await ask(upstream, unlock)).toEqual(success);
  });

  test("is not said to be removed where one refused, and the keys of the other are gone", async () => {
    const second = await playing({ [AgentMessage.SSH_AGENTC_REMOVE_ALL_IDENTITIES]: failure });
    const { first, upstream } = await withSecond(second);
    expect(await fault(upstream, removeAll)).toBe(
      `not all keys are removed: the upstream agent ${second.name} refused`,
    );
    expect(first.list()).not.toContain("first");
  });

  test("is not said to be removed where one can't be reached", async () => {
    const gone = missing();
    const { first, upstream } = await withSecond(gone);
    expect(await fault(upstream, removeAll)).toContain(`the upstream agent ${gone.name} is missing`);
    expect(first.list()).not.toContain("first");
  });
});

describe("other requests", () => {
  const bind: AgentRequest = { type: "SSH_AGENTC_EXTENSION", name: SESSION_BIND, details: Buffer.of(1) };

  test.each([
    ["one that refuses it does not hide that another accepted", [failure, success], success],
    ["a refusal by all is one", [failure, failure], failure],
  ])("that bind a session go to each: %s", async (_, replies, expected) => {
    const agents = await Promise.all(replies.map(answering));
    expect(await ask(createUpstream(agents, timeouts), bind)).toEqual(expected);
    for (const { requests } of agents) expect(requests).toEqual([frameOf(bind).payload]);
  });

  test("that bind a session are accepted by those that are there", async () => {
    const agent = await answering(success);
    const upstream = createUpstream([missing(), agent], timeouts);
    expect(await ask(upstream, bind)).toEqual(success);
    await expect(ask(createUpstream([missing(), missing()], timeouts), bind)).rejects.toThrow(UpstreamError);
  });

  test("ask for what an agent knows: the first one's answer stands", async () => {
    const agents = [await answering(failure), await answering(success)];
    const query: AgentRequest = { type: "SSH_AGENTC_EXTENSION", name: "query", details: Buffer.alloc(0) };
    expect(await ask(createUpstream(agents, timeouts), query)).toEqual(failure);
  });

  test("that load keys go to the first alone", async () => {
    const agents = [await answering(success), await answering(success)];
    const load: AgentRequest = {
      type: "SSH_AGENTC_ADD_SMARTCARD_KEY",
      provider: "/lib/pkcs11.so",
      pin: Buffer.alloc(0),
    };
    await ask(createUpstream(agents, timeouts), load);
    expect(agents.map(({ requests }) => requests.length)).toEqual([1, 0]);
  });

  test("for the list are answered without an agent that answers something else", async () => {
    const identities: Identity[] = [{ key: Buffer.from("key"), comment: "mine" }];
    const good = await answering({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities });
    const cut = await fakeAgent((socket) => socket.write(encodeFrame(Buffer.of(12, 0, 0, 0, 9)).packet));
    const upstream = createUpstream([await answering(failure), cut, good], timeouts);
    expect(await comments(upstream)).toEqual(["mine"]);
  });

  test("for the list fail where no message holds all keys", async () => {
    const many = (name: string): Promise<Awaited<ReturnType<typeof fakeAgent>>> => {
      const identities = Array.from({ length: 200 }, (_, at) => ({
        key: Buffer.from(`${name} ${at} ${"x".repeat(1000)}`),
        comment: "",
      }));
      return answering({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities });
    };
    const upstream = createUpstream([await many("a"), await many("b")], timeouts);
    await expect(ask(upstream, list)).rejects.toThrow(/too many keys/);
  });
});

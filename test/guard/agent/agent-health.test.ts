/** An agent of several that takes connections and never answers. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AgentHealth } from "../../../src/guard/agent/agent-health.ts";
import { createUpstream } from "../../../src/guard/agent/create-upstream.ts";
import { list } from "../../../src/guard/agent/list-request.ts";
import type { AgentAddress } from "../../../src/guard/agent/upstream.ts";
import type { AgentRequest } from "../../../src/wire/agent/agent.ts";
import { encodeAgentReply } from "../../../src/wire/agent/agent.ts";
import { SESSION_BIND } from "../../../src/wire/agent/session-bind.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { type FakeAgent, fakeAgent, frameOf } from "../../support/agents.ts";

const timeouts = { answer: 10_000, person: 120_000 };
const success = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_SUCCESS" })).packet;
const empty = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [] })).packet;
const removeAll: AgentRequest = { type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" };
const bind: AgentRequest = { type: "SSH_AGENTC_EXTENSION", name: SESSION_BIND, details: Buffer.alloc(0) };

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

interface Pair {
  hung: FakeAgent;
  good: FakeAgent;
  addresses: AgentAddress[];
  health: AgentHealth;
  changes: (string | undefined)[];
  /** Answers all that it was asked, and goes on to. */
  wake(): void;
  ask(request: AgentRequest): Promise<Buffer>;
}

async function pair(): Promise<Pair> {
  let awake = false;
  const hung = await fakeAgent((socket) => awake && socket.write(empty));
  const good = await fakeAgent((socket, payload) => socket.write(payload[0] === 11 ? empty : success));
  const changes: (string | undefined)[] = [];
  const health = new AgentHealth(hung, (fault) => void changes.push(fault));
  const addresses = [{ ...hung, health }, good];
  const wake = (): void => {
    awake = true;
    for (const socket of hung.connections) if (!socket.destroyed) socket.write(empty);
  };
  const ask = async (request: AgentRequest): Promise<Buffer> => {
    const upstream = createUpstream(addresses, timeouts);
    try {
      return (await upstream.exchange(frameOf(request), request)).packet;
    } finally {
      upstream.close();
    }
  };
  return { hung, good, addresses, health, changes, wake, ask };
}

/** Waits once for the one that hangs. */
async function first({ hung, ask }: Pair): Promise<void> {
  const asked = ask(list);
  await vi.waitFor(() => expect(hung.requests).toHaveLength(1));
  await vi.advanceTimersByTimeAsync(timeouts.answer);
  expect(await asked).toEqual(empty);
}

describe("an agent of several that hangs", () => {
  test("costs its timeout once, and those that ask later do not wait for it", async () => {
    const agents = await pair();
    await first(agents);
    expect(agents.changes).toEqual(["does not answer (waited 10 s)"]);
    for (let count = 0; count < 5; count++) expect(await agents.ask(list)).toEqual(empty);
    agents.health.close();
  });

  test("makes what concerns all keys fail at once, and say why", async () => {
    const agents = await pair();
    await first(agents);
    await expect(agents.ask(removeAll)).rejects.toThrow(
      `not all keys are removed: the upstream agent ${agents.hung.name} does not answer (waited 10 s), ` +
        "and is left out until it does",
    );
    // those of the other are removed, as far as that goes
    expect(agents.good.requests.at(-1)).toEqual(frameOf(removeAll).payload);
    await expect(agents.ask({ type: "SSH_AGENTC_LOCK", passphrase: Buffer.from("x") })).rejects.toThrow(
      "not locked",
    );
    agents.health.close();
  });

  test("is asked in the background, on one connection at a time, until it answers", async () => {
    const agents = await pair();
    await first(agents);
    await vi.waitFor(() => expect(agents.hung.requests).toHaveLength(2));
    await vi.advanceTimersByTimeAsync(5000);
    await vi.waitFor(() => expect(agents.hung.requests).toHaveLength(3));
    agents.wake();
    await vi.waitFor(() => expect(agents.changes.at(-1)).toBeUndefined());
    const before = agents.hung.requests.length;
    expect(await agents.ask(list)).toEqual(empty);
    expect(agents.hung.requests).toHaveLength(before + 1);
  });

  test("is asked ever more seldom: twelve times in ten minutes", async () => {
    const agents = await pair();
    await first(agents);
    for (let seconds = 0; seconds < 600; seconds += 5) {
      await vi.advanceTimersByTimeAsync(5000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(agents.hung.requests.length).toBeLessThanOrEqual(14);
    agents.health.close();
  });

  test("is not used on a connection on which it has missed a session-bind", async () => {
    const agents = await pair();
    await first(agents);
    const upstream = createUpstream(agents.addresses, timeouts);
    expect((await upstream.exchange(frameOf(bind), bind)).packet).toEqual(success);
    agents.wake();
    await vi.waitFor(() => expect(agents.changes.at(-1)).toBeUndefined());
    const before = agents.hung.requests.length;
    await upstream.exchange(frameOf(list), list);
    expect(agents.hung.requests).toHaveLength(before);
    upstream.close();
  });
});

describe("a look at an agent", () => {
  test("leaves one that is slow where it is: it may wait for a person", async () => {
    const agents = await pair();
    const looked = agents.health.look(1000);
    await vi.waitFor(() => expect(agents.hung.requests).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await looked).toBe("does not answer (waited 1 s)");
    expect(agents.health.leftOut).toBeUndefined();
  });

  test("says of what answers otherwise that it is no agent", async () => {
    const other = await fakeAgent((socket) => socket.end());
    expect(await new AgentHealth(other, () => {}).look(1000)).toBe("does not answer as an agent does");
  });
});

import { once } from "node:events";
import { renameSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createUpstream } from "../../../src/guard/agent/create-upstream.ts";
import { UpstreamError } from "../../../src/guard/agent/upstream.ts";
import type { AgentRequest } from "../../../src/wire/agent/agent.ts";
import { encodeAgentReply } from "../../../src/wire/agent/agent.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { at, fakeAgent, frameOf, makeFolder } from "../../support/agents.ts";

const timeouts = { answer: 5000, person: 120_000 };
const list: AgentRequest = { type: "SSH_AGENTC_REQUEST_IDENTITIES" };
const sign: AgentRequest = {
  type: "SSH_AGENTC_SIGN_REQUEST",
  key: Buffer.from("key"),
  data: Buffer.from("data"),
  flags: 0,
};
const answer = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities: [] })).packet;
const success = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_SUCCESS" })).packet;

afterEach(() => void vi.useRealTimers());

describe("an upstream agent", () => {
  test("gets the packet as it came, and its answer comes back as it is", async () => {
    const agent = await fakeAgent((socket) => socket.write(answer));
    const upstream = createUpstream([agent], timeouts);
    const odd = encodeFrame(Buffer.from("\x0bwith contents that no list request has"));
    const reply = await upstream.exchange(odd, list);
    expect(agent.requests).toEqual([odd.payload]);
    expect(reply.packet).toEqual(answer);
    upstream.close();
  });

  test("is connected to at the first request, and once", async () => {
    const agent = await fakeAgent((socket) => socket.write(answer));
    const upstream = createUpstream([agent], timeouts);
    expect(agent.connections).toHaveLength(0);
    for (let count = 0; count < 3; count++) await upstream.exchange(frameOf(list), list);
    expect(agent.connections).toHaveLength(1);
    expect(agent.requests).toHaveLength(3);
    upstream.close();
  });

  test("may answer one byte at a time", async () => {
    const agent = await fakeAgent((socket) => {
      for (const byte of answer) socket.write(Buffer.of(byte));
    });
    const reply = await createUpstream([agent], timeouts).exchange(frameOf(list), list);
    expect(reply.packet).toEqual(answer);
  });

  test("has one connection for each client", async () => {
    const agent = await fakeAgent((socket) => socket.write(answer));
    for (let count = 0; count < 2; count++) {
      await createUpstream([agent], timeouts).exchange(frameOf(list), list);
    }
    expect(agent.connections).toHaveLength(2);
  });
});

describe("an upstream agent that can't be used is named in the error:", () => {
  const failure = async (path: string): Promise<Error> => {
    const asked = createUpstream([at(path)], timeouts).exchange(frameOf(list), list);
    return asked.then(
      () => new Error("it answered"),
      (error: Error) => error,
    );
  };

  test("no socket", async () => {
    const path = join(makeFolder(), "none.sock");
    const error = await failure(path);
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toBe(`the upstream agent ${path} is missing: no such socket`);
  });

  test("a socket that nobody listens on any more", async () => {
    const folder = makeFolder();
    const server = createServer().listen(join(folder, "listening"));
    await once(server, "listening");
    renameSync(join(folder, "listening"), join(folder, "left"));
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(join(folder, "left"));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toMatch(/left has ended: nobody listens/);
  });

  const broken: [string, RegExp, Buffer, "stays" | "ends"][] = [
    ["it closes before it answers", /closed the connection/, Buffer.alloc(0), "ends"],
    ["it closes in the middle of its answer", /closed the connection/, answer.subarray(0, 6), "ends"],
    ["it closes in the middle of a length", /closed the connection/, answer.subarray(0, 2), "ends"],
    ["it answers with a message without a number", /broken message: frame without/, Buffer.alloc(4), "stays"],
    [
      "it answers with text",
      /broken message: frame of/,
      Buffer.from("HTTP/1.1 400 Bad Request\r\n"),
      "stays",
    ],
    ["it answers with an endless message", /broken message: frame of/, Buffer.alloc(8, 0xff), "stays"],
  ];

  test.each(broken)("%s", async (_, message, bytes, then) => {
    const agent = await fakeAgent((socket) => (then === "ends" ? socket.end(bytes) : socket.write(bytes)));
    const error = await failure(agent.name);
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(agent.name);
  });

  test("none is configured", async () => {
    const nothing = createUpstream([], timeouts);
    await expect(nothing.exchange(frameOf(list), list)).rejects.toThrow(
      /no upstream agent: set SSH_AUTH_SOCK/,
    );
    nothing.close();
  });

  test.each([
    ["what an agent answers by itself", list, timeouts.answer],
    ["what may wait for a person", sign, timeouts.person],
  ])("it does not answer %s in time", async (_, request, timeout) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let heard = (): void => {};
    const asked = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const agent = await fakeAgent(() => heard());
    const settled = vi.fn();
    const waiting = createUpstream([agent], timeouts)
      .exchange(frameOf(request), request)
      .catch((error: Error) => error)
      .finally(settled);
    await asked;
    await vi.advanceTimersByTimeAsync(timeout - 1);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await waiting).toMatchObject({ message: expect.stringContaining(`waited ${timeout / 1000} s`) });
  });
});

describe("after a fault", () => {
  test("the connection stays broken: a new one would lack the session bindings", async () => {
    const agent = await fakeAgent((socket) => socket.end());
    const upstream = createUpstream([agent], timeouts);
    const first = await upstream.exchange(frameOf(list), list).catch((error: Error) => error);
    const second = await upstream.exchange(frameOf(list), list).catch((error: Error) => error);
    expect(second).toBe(first);
    expect(agent.connections).toHaveLength(1);
  });

  test("of an answer that nobody asked for, no answer is taken for another", async () => {
    const agent = await fakeAgent((socket) => socket.write(Buffer.concat([answer, success])));
    const upstream = createUpstream([agent], timeouts);
    expect((await upstream.exchange(frameOf(list), list)).packet).toEqual(answer);
    await expect(upstream.exchange(frameOf(list), list)).rejects.toThrow(/answers what nobody asked/);
    expect(agent.requests).toHaveLength(1);
  });

  test("an answer that comes after its time is not taken for the next", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let heard = (): void => {};
    const asked = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const agent = await fakeAgent(() => heard());
    const upstream = createUpstream([agent], timeouts);
    const first = upstream.exchange(frameOf(list), list).catch((error: Error) => error);
    await asked;
    await vi.advanceTimersByTimeAsync(timeouts.answer);
    expect(await first).toBeInstanceOf(UpstreamError);
    agent.connections[0]?.write(answer);
    await expect(upstream.exchange(frameOf(list), list)).rejects.toThrow(UpstreamError);
  });
});

describe("a connection that its client has left", () => {
  test("is closed, and nothing is opened in its place", async () => {
    const agent = await fakeAgent((socket) => socket.write(answer));
    const upstream = createUpstream([agent], timeouts);
    await upstream.exchange(frameOf(list), list);
    const closed = agent.connections[0] && once(agent.connections[0], "close");
    upstream.close();
    await closed;
    await expect(upstream.exchange(frameOf(list), list)).rejects.toThrow(UpstreamError);
    expect(agent.connections).toHaveLength(1);
  });

  test("opens nothing if it never was open", async () => {
    const agent = await fakeAgent((socket) => socket.write(answer));
    const upstream = createUpstream([agent], timeouts);
    upstream.close();
    await expect(upstream.exchange(frameOf(list), list)).rejects.toThrow(UpstreamError);
    expect(agent.connections).toHaveLength(0);
  });

  test("gives up what it waits for", async () => {
    let heard = (): void => {};
    const asked = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const agent = await fakeAgent(() => heard());
    const upstream = createUpstream([agent], timeouts);
    const waiting = upstream.exchange(frameOf(sign), sign).catch((error: Error) => error);
    await asked;
    upstream.close();
    expect(await waiting).toBeInstanceOf(UpstreamError);
  });
});

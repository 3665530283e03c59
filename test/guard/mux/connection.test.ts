import { describe, expect, test } from "vitest";
import type { MuxReply } from "../../../src/wire/mux/reply.ts";
import type { MuxRequest } from "../../../src/wire/mux/request.ts";
import { StubApprover, yes } from "../../support/guard.ts";
import {
  byteByByte,
  eventually,
  hello,
  MASTER_PID,
  openMux,
  packetOf,
  play,
  replyPacket,
  replyTo,
  Stream,
  session,
} from "../../support/mux-guard.ts";
import { policy } from "../../support/policy.ts";

const alive = (requestId: number): MuxRequest => ({ type: "MUX_C_ALIVE_CHECK", requestId });
const isAlive = (requestId: number): MuxReply => ({ type: "MUX_S_ALIVE", requestId, pid: MASTER_PID });
const terminate: MuxRequest = { type: "MUX_C_TERMINATE", requestId: 3 };
const stop: MuxRequest = { type: "MUX_C_STOP_LISTENING", requestId: 4 };
const proxy: MuxRequest = { type: "MUX_C_PROXY", requestId: 5 };
const info: MuxRequest = { type: "MUX_C_EXT_INFO", requestId: 6, name: "connection" };
const stdio: MuxRequest = { type: "MUX_C_NEW_STDIO_FWD", requestId: 7, host: "db", port: 5432 };
const forward: MuxRequest = {
  type: "MUX_C_OPEN_FWD",
  requestId: 8,
  forward: "local",
  listenHost: "",
  listenPort: 8080,
  connectHost: "db",
  connectPort: 5432,
};
const exitPacket = (exitValue: number): Buffer =>
  replyPacket({ type: "MUX_S_EXIT_MESSAGE", sessionId: 7, exitValue });
const asking = policy([]);
const denying = policy([], { default: "deny" });
const anything = { type: expect.anything() };

describe.each([
  ["as it comes", {}],
  ["one byte at a time", { through: byteByByte }],
])("what is allowed, read %s", (_, how) => {
  test("is passed on with its descriptors, and the answer comes back", async () => {
    const { greeted, master, log } = await openMux(how);
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(3));
    expect(await client.replies(1)).toEqual([replyTo(session())]);
    expect(master.requests).toEqual([session()]);
    await eventually(() => stream.passed === 3); // the master's: the guard has closed its own
    expect(log).toMatchObject([
      { decision: "allow", request: { kind: "session", command: "uptime", user: "root" } },
    ]);
  });

  test("is passed on in the client's words, greeting included", async () => {
    const { connect, master } = await openMux(how);
    const greeting: MuxRequest = {
      type: "MUX_MSG_HELLO",
      version: 4,
      extensions: [{ name: "new@example.com", value: Buffer.of(1) }],
    };
    const requests = [greeting, forward, { ...forward, type: "MUX_C_CLOSE_FWD" as const }, info, proxy];
    const client = connect();
    client.socket.send(Buffer.concat(requests.map(packetOf)));
    expect(await client.replies(5)).toEqual([
      { type: "MUX_MSG_HELLO", version: 4, extensions: [] },
      ...requests.slice(1).map(replyTo),
    ]);
    expect(master.connections.map(({ requests: asked }) => asked)).toEqual([requests]);
  });

  test("is answered in its order, however much is sent ahead", async () => {
    const { greeted, master } = await openMux(how);
    const [client, stream] = [await greeted(), new Stream()];
    const expected: (MuxReply | undefined)[] = [];
    for (let at = 0; at < 100; at++) {
      client.socket.send(packetOf(alive(at)));
      client.pass(session("uptime", { requestId: at }), stream.copies(3));
      client.pass({ ...stdio, requestId: at }, stream.copies(2));
      client.socket.send(packetOf({ ...forward, requestId: at }));
      expected.push(isAlive(at), ...Array(2).fill(replyTo({ ...stdio, requestId: at })));
      expected.push(replyTo({ ...forward, requestId: at }));
    }
    expect(await client.replies(400)).toEqual(expected);
    expect(master.requests).toHaveLength(300);
  });
});

describe("without a decision", () => {
  test("nothing reaches the master: a greeting, an alive check, what nobody knows", async () => {
    const { greeted, master, log } = await openMux({ policy: denying });
    const client = await greeted();
    const unknown: MuxRequest = { type: "unknown", number: 0x1000000a, requestId: 9 };
    expect(await client.ask(alive(1), unknown, alive(2))).toEqual([
      isAlive(1),
      { type: "MUX_S_FAILURE", requestId: 9, reason: "unsupported request" },
      isAlive(2),
    ]);
    expect(master.connections).toEqual([]);
    expect(log).toEqual([]);
  });
});

describe("a denial", () => {
  test("of a session reads like a session that ended with 255, and its reason is told before", async () => {
    const { greeted, master, told } = await openMux({ policy: denying });
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(3));
    expect(await client.replies(2)).toEqual([
      { type: "MUX_S_SESSION_OPENED", requestId: 1, sessionId: 0 },
      { type: "MUX_S_EXIT_MESSAGE", sessionId: 0, exitValue: 255 },
    ]);
    await client.closed();
    expect(told).toEqual(['muxguard: denied: run "uptime" on prod-db as root (no rule allows it)\n']);
    expect(master.connections).toEqual([]);
    await eventually(() => stream.passed === 0);
  });

  const others: [string, MuxRequest, number][] = [
    ["a stdio forward", stdio, 2],
    ["a forward", forward, 0],
    ["the end of a forward", { ...forward, type: "MUX_C_CLOSE_FWD" }, 0],
    ["the master's end", terminate, 0],
    ["a stop", stop, 0],
    ["a proxy", proxy, 0],
  ];

  test.each(others)(
    "of %s is MUX_S_PERMISSION_DENIED, and the next is answered",
    async (_, request, count) => {
      const { greeted, master, scope } = await openMux({ policy: denying });
      const [client, stream] = [await greeted(), new Stream()];
      client.pass(request, stream.copies(count));
      client.socket.send(packetOf(alive(9)));
      const [denied, next] = await client.replies(2);
      const { requestId } = request as { requestId: number };
      const reason = expect.stringMatching(/^muxguard: denied: /);
      expect(denied).toEqual({ type: "MUX_S_PERMISSION_DENIED", requestId, reason });
      expect(next).toEqual(isAlive(9));
      expect(master.connections).toEqual([]);
      expect(master.stops).toBe(0);
      expect(scope.reports).toHaveLength(1);
      await eventually(() => stream.passed === 0);
    },
  );

  test("ends what was sent behind a denied session, descriptors included", async () => {
    const { greeted, log } = await openMux({ policy: denying });
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(3));
    for (let at = 0; at < 40; at++) client.pass(session("next"), stream.copies(3));
    client.pass(stdio, stream.copies(1)); // the second never comes
    await client.closed();
    await eventually(() => stream.passed === 0);
    expect(log).toHaveLength(1);
  });

  test("leaves nothing behind of a client that takes no answers and goes on sending", async () => {
    const { greeted } = await openMux({ policy: denying });
    const [client, stream] = [await greeted(), new Stream()];
    client.socket.pause();
    client.socket.send(Buffer.concat(Array.from({ length: 20_000 }, () => packetOf(alive(1)))));
    client.pass(session(), stream.copies(3));
    client.pass(session(), stream.copies(2));
    await eventually(() => stream.passed > 0);
    client.socket.resume();
    await client.closed();
    await eventually(() => stream.passed === 0);
  });

  test("holds for a process that can't be identified", async () => {
    const identify = (): never => {
      throw new Error("it has ended");
    };
    const { greeted, log, master } = await openMux({ client: { identify } });
    expect(await (await greeted()).ask(terminate)).toMatchObject([{ type: "MUX_S_PERMISSION_DENIED" }]);
    expect(log).toMatchObject([{ decision: "deny", by: "fault:caller" }]);
    expect(master.connections).toEqual([]);
  });

  test("says so where the guard has no descriptor left to look at the process", async () => {
    const identify = (): never => {
      throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
    };
    const { greeted, log } = await openMux({ client: { identify } });
    expect(await (await greeted()).ask(terminate)).toMatchObject([{ type: "MUX_S_PERMISSION_DENIED" }]);
    expect(log).toMatchObject([{ decision: "deny", reason: expect.stringMatching(/^no file descriptor/) }]);
  });

  test("is what a fault of the guard's own comes to: the connection ends", async () => {
    const { greeted, scope, master } = await openMux({ whereabouts: () => Promise.reject(new Error("bug")) });
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(3));
    await client.closed();
    expect(scope.reports.join()).toMatch(/internal fault.*bug/);
    expect(master.connections).toEqual([]);
    await eventually(() => stream.passed === 0);
  });
});

describe("bytes that are no mux client's end the connection, and nothing of them reaches the master", () => {
  const frame = (payload: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(payload.length);
    return Buffer.concat([length, payload]);
  };
  const cut = (request: MuxRequest, by: number): Buffer =>
    frame(packetOf(request).subarray(4, packetOf(request).length - by));
  const longer = (request: MuxRequest): Buffer =>
    frame(Buffer.concat([packetOf(request).subarray(4), Buffer.of(0)]));
  const greeting = packetOf(hello);

  const rows: [string, Buffer, number][] = [
    ["a request before the greeting", packetOf(terminate), 0],
    ["a session before the greeting", packetOf(session()), 3],
    ["a greeting of another version", packetOf({ ...hello, version: 3 } as MuxRequest), 0],
    ["a second greeting", Buffer.concat([greeting, greeting]), 0],
    ["a greeting that is cut", cut(hello, 1), 0],
    ["a frame of no bytes", Buffer.alloc(4), 0],
    ["a frame of endless length", Buffer.alloc(8, 0xff), 0],
    ["a number that is cut", Buffer.concat([greeting, frame(Buffer.of(0x10, 0))]), 0],
    ["an unknown request without an id", Buffer.concat([greeting, frame(Buffer.of(0x10, 0, 0, 10))]), 0],
    ["a request that is cut", Buffer.concat([greeting, cut(terminate, 1)]), 0],
    ["a request with more behind it", Buffer.concat([greeting, longer(terminate)]), 0],
    ["a session that is cut", Buffer.concat([greeting, cut(session(), 1)]), 3],
    ["an information that is cut", Buffer.concat([greeting, cut(info, 1)]), 0],
    ["a forward to no port", Buffer.concat([greeting, packetOf({ ...forward, connectPort: 65536 })]), 0],
    ["a descriptor that nobody announced", Buffer.concat([greeting, packetOf(alive(1))]), 1],
    ["more descriptors than were announced", Buffer.concat([greeting, packetOf(stdio)]), 4],
  ];

  test.each(rows)("%s", async (_, bytes, count) => {
    const { connect, master, log } = await openMux({ policy: denying });
    const [client, stream] = [connect(), new Stream()];
    client.socket.send(bytes, stream.copies(count));
    await client.closed();
    expect(master.connections).toEqual([]);
    expect(log.filter(({ decision }) => decision === "allow")).toEqual([]);
    await eventually(() => stream.passed === 0);
  });

  test("bytes in the place of descriptors", async () => {
    const { connect, master } = await openMux();
    const client = connect();
    client.socket.send(Buffer.concat([greeting, packetOf(session()), Buffer.alloc(3)]));
    await client.closed();
    expect(master.connections).toEqual([]);
  });
});

describe("while a question is open", () => {
  async function asked() {
    const approver = new StubApprover();
    const setting = await openMux({ policy: asking, scope: { approvers: [approver] } });
    const [client, stream] = [await setting.greeted(), new Stream()];
    client.pass(session(), stream.copies(3));
    return { ...setting, approver, client, stream, ...(await approver.nth(1)) };
  }

  test("a client that goes away takes it along, and an answer that comes too late does nothing", async () => {
    const { client, signal, answer, stream, master, log, questions } = await asked();
    client.socket.destroy();
    await eventually(() => signal.aborted);
    answer(yes());
    await eventually(() => stream.passed === 0);
    expect(questions.pending()).toEqual([]);
    expect(log).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
    expect(master.connections.flatMap(({ requests }) => requests)).toEqual([]);
  });

  test("the end of the master withdraws it, and ends the client", async () => {
    const { client, close, signal, stream, master } = await asked();
    client.pass(session("next"), stream.copies(2));
    close();
    await eventually(() => signal.aborted);
    await client.closed();
    await eventually(() => stream.passed === 0);
    expect(master.connections.flatMap(({ requests }) => requests)).toEqual([]);
  });

  test("what is sent behind it waits for its turn", async () => {
    const { client, approver, answer, master, stream } = await asked();
    client.socket.send(packetOf(alive(2)));
    client.pass(stdio, stream.copies(2));
    await new Promise(setImmediate);
    expect(client.received).toHaveLength(1); // the greeting
    answer(yes());
    expect(await client.replies(2)).toEqual([replyTo(session()), isAlive(2)]);
    (await approver.nth(2)).answer(yes());
    expect(await client.replies(1)).toEqual([replyTo(stdio)]);
    expect(master.requests).toEqual([session(), stdio]);
  });

  test("a client that sends ahead is not read", async () => {
    const { client } = await asked();
    client.socket.send(Buffer.concat(Array.from({ length: 70_000 }, () => packetOf(alive(2)))));
    for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate);
    expect(client.socket.isFull).toBe(true);
  });

  test("other clients are served", async () => {
    const { greeted, approver, answer, client, stream } = await asked();
    const other = await greeted();
    expect(await other.ask(alive(1))).toEqual([isAlive(1)]);
    other.pass(session("second"), stream.copies(3));
    (await approver.nth(2)).answer(yes());
    expect(await other.replies(1)).toEqual([replyTo(session())]);
    answer(yes());
    expect(await client.replies(1)).toEqual([replyTo(session())]);
  });

  test("a client without a terminal hears of it only where all do", async () => {
    const { told } = await asked();
    expect(told).toEqual([]);
    const approver = new StubApprover("askpass");
    const scope = { approvers: [approver], queue: "answers" as const };
    const always = await openMux({ policy: asking, scope, tellAlways: true });
    const client = await always.greeted();
    client.pass(session("a\nb"), new Stream().copies(3));
    const { question } = await approver.nth(1);
    await new Promise(setImmediate);
    expect(always.told).toEqual([
      `muxguard: waiting for approval: run "a\\nb" on prod-db as root (muxguard approve ${question.id})\n`,
    ]);
  });
});

describe("a master", () => {
  test("that can't be reached any more ends the client, and takes the approval back", async () => {
    const { greeted, master, log } = await openMux();
    const [client, stream] = [await greeted(), new Stream()];
    master.refuse();
    client.pass(session(), stream.copies(3));
    await client.closed();
    expect(log.map(({ decision, by }) => [decision, by])).toEqual([
      ["allow", "default"],
      ["deny", "fault:master"],
    ]);
    await eventually(() => stream.passed === 0);
  });

  test("that has ended ends a client that it knows nothing of yet, and its question", async () => {
    const { greeted, master } = await openMux();
    const client = await greeted();
    master.end();
    await client.closed();
  });

  test("that can't be reached any more ends a client that wants to know something", async () => {
    const { greeted, master } = await openMux();
    const client = await greeted();
    master.refuse();
    client.socket.send(packetOf(info));
    await client.closed();
  });

  test.each([
    ["closes the connection", (socket: { destroy(): void }) => socket.destroy()],
    ["sends no packets", (socket: { send(bytes: Buffer): void }) => socket.send(Buffer.alloc(4))],
    [
      "passes a descriptor",
      (socket: { send(bytes: Buffer, passed: number[]): void }) =>
        socket.send(packetOf(terminate), new Stream().copies(1)),
    ],
  ])("that %s ends the client", async (_, act) => {
    const { greeted, master } = await openMux({ master: (_request, { socket }) => act(socket) });
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(3));
    await client.closed();
    const [connection] = master.connections;
    await eventually(() => connection?.closed ?? false);
  });

  test("that goes away over a stop has not stopped", async () => {
    const { greeted, master } = await openMux({
      master: (request, { socket }) => request.type === "MUX_C_STOP_LISTENING" && socket.destroy(),
    });
    const client = await greeted();
    client.socket.send(packetOf(stop));
    await client.closed();
    expect(master.stops).toBe(0);
  });

  test("has stopped once it says so, and only then", async () => {
    const refused = await openMux({
      master: (request, { socket }) =>
        request.type === "MUX_C_STOP_LISTENING" &&
        socket.send(packetOf({ type: "unknown", number: 0x80000003, requestId: 4 })),
    });
    const stopping = await openMux();
    expect(await (await stopping.greeted()).ask(stop)).toEqual([replyTo(stop)]);
    expect(stopping.master.stops).toBe(1);
    const client = await refused.greeted();
    client.socket.send(packetOf(stop));
    await client.closed(); // a failure without a reason is no packet
    expect(refused.master.stops).toBe(0);
  });

  test("is asked the next thing once it has answered, and not because a session has ended", async () => {
    const { greeted, master } = await openMux({
      master: ({ type }, { socket }) => type === "MUX_C_OPEN_FWD" && socket.send(exitPacket(0)),
    });
    const client = await greeted();
    client.socket.send(Buffer.concat([packetOf(forward), packetOf(forward)]));
    await client.replies(1);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    expect(master.requests).toHaveLength(1);
    const [connection] = master.connections;
    connection?.socket.send(replyPacket({ type: "MUX_S_OK", requestId: 8 }));
    await eventually(() => master.requests.length === 2);
  });

  test("may speak of a session that runs while another request waits", async () => {
    const { greeted } = await openMux({
      master: (request, connection) => {
        if (request.type === "MUX_C_OPEN_FWD")
          connection.socket.send(Buffer.concat([0, 1].map((value) => exitPacket(value))));
        play(request, connection);
      },
    });
    const client = await greeted();
    client.socket.send(packetOf(forward));
    expect(await client.replies(3)).toEqual([
      { type: "MUX_S_EXIT_MESSAGE", sessionId: 7, exitValue: 0 },
      { type: "MUX_S_EXIT_MESSAGE", sessionId: 7, exitValue: 1 },
      replyTo(forward),
    ]);
  });
});

describe("the end of a client", () => {
  test("ends its connection to the master, and nobody else's", async () => {
    const { greeted, master } = await openMux();
    const [one, other] = [await greeted(), await greeted()];
    await one.ask(forward);
    await other.ask(forward);
    one.socket.destroy();
    await eventually(() => master.connections[0]?.closed ?? false);
    expect(await other.ask(forward)).toEqual([replyTo(forward)]);
    expect(master.connections).toHaveLength(2);
  });

  test("leaves no descriptor that was not asked for yet", async () => {
    const { greeted } = await openMux();
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(2));
    await eventually(() => stream.passed === 2);
    client.socket.destroy();
    await eventually(() => stream.passed === 0);
  });

  test("is seen at the listener's end too", async () => {
    const { greeted, close } = await openMux();
    const [client, stream] = [await greeted(), new Stream()];
    client.pass(session(), stream.copies(2));
    await client.replies(0);
    close();
    await client.closed();
    await eventually(() => stream.passed === 0);
  });
});

test("a client that sends ahead and takes no answers is not read for long", async () => {
  const { greeted } = await openMux();
  const client = await greeted();
  client.socket.pause();
  client.socket.send(Buffer.concat(Array.from({ length: 70_000 }, (_, at) => packetOf(alive(at)))));
  const full = (): boolean => client.socket.isFull;
  for (let turns = 0; turns < 200; turns++) await new Promise(setImmediate);
  expect(full()).toBe(true); // 840 kB, of which sockets and guard hold half
  client.socket.resume();
  const replies = await client.replies(70_000);
  expect(replies.at(-1)).toEqual(isAlive(69_999));
});

test("two sessions on one connection are two decisions, and the master's to refuse", async () => {
  const { greeted, log } = await openMux();
  const [client, stream] = [await greeted(), new Stream()];
  client.pass(session("one"), stream.copies(3));
  client.pass(session("two"), stream.copies(3));
  expect(await client.replies(2)).toEqual([anything, anything].map(() => replyTo(session())));
  expect(log.map(({ request }) => request.command)).toEqual(["one", "two"]);
});

test("the name of a run goes with each request", async () => {
  const { greeted, log } = await openMux({ scope: { run: { id: "run-1", name: "claude", pid: 7 } } });
  await (await greeted()).ask(forward);
  expect(log[0]?.caller?.run).toEqual({ name: "claude", pid: 7 });
});

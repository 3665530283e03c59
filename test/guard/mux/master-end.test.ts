/** A master that ends, or could end, while something is decided about it. */
import { describe, expect, test } from "vitest";
import type { MuxRequest } from "../../../src/wire/mux/request.ts";
import { no, StubApprover, yes } from "../../support/guard.ts";
import {
  eventually,
  type MuxOptions,
  openMux,
  packetOf,
  play,
  replyPacket,
  replyTo,
  Stream,
  session,
} from "../../support/mux-guard.ts";
import { policy } from "../../support/policy.ts";

const asking = policy([]);
const terminate: MuxRequest = { type: "MUX_C_TERMINATE", requestId: 3 };
const stop: MuxRequest = { type: "MUX_C_STOP_LISTENING", requestId: 4 };
const forward: MuxRequest = {
  type: "MUX_C_OPEN_FWD",
  requestId: 8,
  forward: "local",
  listenHost: "",
  listenPort: 8080,
  connectHost: "db",
  connectPort: 5432,
};
const ENDED = "the shared connection ended before the answer";
const exited = [
  { type: "MUX_S_SESSION_OPENED", requestId: 1, sessionId: 0 },
  { type: "MUX_S_EXIT_MESSAGE", sessionId: 0, exitValue: 255 },
];

async function asked(options: MuxOptions = {}) {
  const approver = new StubApprover();
  const setting = await openMux({ policy: asking, scope: { approvers: [approver] }, ...options });
  const client = await setting.greeted();
  return { ...setting, approver, client };
}

test("a master that can't be reached for want of a descriptor is not said to have ended", async () => {
  const { greeted, master, log } = await openMux();
  master.connect = () => Promise.reject(Object.assign(new Error("EMFILE"), { code: "EMFILE" }));
  const client = await greeted();
  client.pass(session(), new Stream().copies(3));
  await client.closed();
  const reason = expect.stringMatching(/^no file descriptor is left to reach the master/);
  expect(log.at(-1)).toMatchObject({ decision: "deny", by: "fault:master", reason });
});

describe("a master about which a person is asked", () => {
  test("is held by a client that says nothing, so that no ControlPersist runs out", async () => {
    const { client, approver, master } = await asked();
    client.pass(session(), new Stream().copies(3));
    const { answer } = await approver.nth(1);
    await eventually(() => master.connections.length === 1);
    expect(master.connections).toMatchObject([{ requests: [], closed: false }]);
    answer(yes());
    expect(await client.replies(1)).toEqual([replyTo(session())]);
    // not let go before the session is there
    const [held, link] = master.connections;
    expect(link?.requests.map(({ type }) => type)).toEqual(["MUX_MSG_HELLO", "MUX_C_NEW_SESSION"]);
    await eventually(() => held?.closed ?? false);
    expect(held?.requests).toEqual([]);
    expect(link?.closed).toBe(false);
  });

  test("is let go when the answer is no, and when the client goes away", async () => {
    const { client, greeted, approver, master } = await asked();
    client.pass(session(), new Stream().copies(3));
    (await approver.nth(1)).answer(no);
    await eventually(() => master.connections[0]?.closed ?? false);
    const other = await greeted();
    other.pass(session("another"), new Stream().copies(3));
    await approver.nth(2);
    await eventually(() => master.connections.length === 2);
    other.socket.destroy();
    await eventually(() => master.connections[1]?.closed ?? false);
  });

  test("is asked as before where it can't be held", async () => {
    const { client, approver, master } = await asked();
    master.refuse();
    client.pass(session(), new Stream().copies(3));
    (await approver.nth(1)).answer(no);
    expect(await client.replies(2)).toEqual(exited);
  });

  test("is not held for what the policy answers", async () => {
    const { greeted, master } = await openMux({ policy: policy([], { default: "deny" }) });
    const client = await greeted();
    client.pass(session(), new Stream().copies(3));
    expect(await client.replies(2)).toEqual(exited);
    expect(master.connections).toEqual([]);
  });

  test("denies the session if it ends all the same: ssh makes no connection of its own", async () => {
    const { client, approver, master, told, log } = await asked();
    const stream = new Stream();
    client.pass(session(), stream.copies(3));
    const { signal } = await approver.nth(1);
    master.end();
    expect(await client.replies(2)).toEqual(exited);
    await client.closed();
    expect(signal.aborted).toBe(true);
    expect(told).toEqual([`muxguard: denied: run "uptime" on prod-db as root (${ENDED})\n`]);
    expect(log).toMatchObject([{ decision: "deny", by: "fault:withdrawn", reason: ENDED }]);
    await eventually(() => stream.passed === 0);
  });

  test("denies a session behind a forward that it has granted, too", async () => {
    const allowsForwards = policy([{ on: ["forward"], action: "allow" }]);
    const { client, approver, master } = await asked({ policy: allowsForwards });
    expect(await client.ask(forward)).toEqual([replyTo(forward)]);
    client.pass(session(), new Stream().copies(3));
    await approver.nth(1);
    expect(master.connections).toHaveLength(1); // its link holds it
    master.connections[0]?.socket.destroy();
    expect(await client.replies(2)).toEqual(exited);
    await client.closed();
  });

  test("denies a forward in its own way, and ends the client", async () => {
    const { client, approver, master } = await asked();
    client.socket.send(packetOf(forward));
    await approver.nth(1);
    master.end();
    const [denied] = await client.replies(1);
    expect(denied).toMatchObject({ type: "MUX_S_PERMISSION_DENIED", reason: expect.stringContaining(ENDED) });
    await client.closed();
  });

  test("denies also if it ends while the denial is told", async () => {
    let tell: (() => void) | undefined;
    const { greeted, master } = await openMux({
      policy: policy([], { default: "deny" }),
      descriptors: {
        tell: () =>
          new Promise((resolve) => {
            tell = resolve;
          }),
      },
    });
    const client = await greeted();
    client.pass(session(), new Stream().copies(3));
    await eventually(() => tell !== undefined);
    master.end();
    tell?.();
    expect(await client.replies(2)).toEqual(exited);
  });
});

describe("a master that was told to end", () => {
  test.each([
    ["has answered", play],
    [
      "has gone without an answer",
      ((request, connection) => {
        if (request.type === "MUX_C_TERMINATE") connection.socket.destroy();
        else play(request, connection);
      }) as typeof play,
    ],
  ])("and %s takes no more: a session is refused in one entry, and nobody is asked", async (_, master) => {
    const only = policy([{ on: ["terminate"], action: "allow" }]);
    const { client, greeted, approver, log, master: stub } = await asked({ policy: only, master });
    const late = await greeted();
    client.socket.send(packetOf(terminate));
    await eventually(() => stub.hasStopped);
    late.pass(session(), new Stream().copies(3));
    await late.closed();
    expect(approver.asked).toEqual([]);
    expect(log.map(({ request, decision, by }) => [request.kind, decision, by])).toEqual([
      ["terminate", "allow", "rule:a rule"],
      ["session", "deny", "fault:master"],
    ]);
  });

  test("and refuses goes on", async () => {
    const refusal = { type: "MUX_S_PERMISSION_DENIED" as const, requestId: 3, reason: "no" };
    const refuses: typeof play = (request, { socket }) =>
      request.type === "MUX_C_TERMINATE" && socket.send(replyPacket(refusal));
    const allowing = policy([], { default: "allow" });
    const { client, master } = await asked({ policy: allowing, master: refuses });
    expect(await client.ask(terminate)).toEqual([refusal]);
    expect(master.stops).toBe(0);
  });

  test("and to listen no more is no longer asked for sessions either", async () => {
    const { greeted, log } = await openMux();
    const [client, late] = [await greeted(), await greeted()];
    expect(await client.ask(stop)).toEqual([replyTo(stop)]);
    late.pass(session(), new Stream().copies(3));
    await late.closed();
    expect(log.map(({ decision }) => decision)).toEqual(["allow", "deny"]);
    // whoever has a connection to it already goes on
    client.pass(session(), new Stream().copies(3));
    expect(await client.replies(1)).toEqual([replyTo(session())]);
  });
});

test("nobody waits for its end any more when its clients are gone, served or not", async () => {
  const { connect, greeted, master } = await openMux({ policy: policy([], { default: "allow" }) });
  for (let round = 0; round < 20; round++) {
    const [served, silent] = [await greeted(), connect()];
    served.pass(session(), new Stream().copies(3));
    await served.replies(1);
    expect(master.watched).toBeGreaterThan(0);
    for (const { socket } of [served, silent]) socket.destroy();
  }
  await eventually(() => master.watched === 0);
});

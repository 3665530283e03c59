/** Clients that send much at once, or take nothing: what others and the guard have of it. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Replies } from "../../../src/guard/agent/replies.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { failure, identities, key, list, open, sign } from "../../support/agent-connection.ts";
import { frameOf, makeFolder } from "../../support/agents.ts";
import { StubApprover } from "../../support/guard.ts";
import { policy } from "../../support/policy.ts";

const denying = policy([], { default: "deny" });
const unknown = encodeFrame(Buffer.of(200)).packet;
const times = (count: number, packet: Buffer): Buffer => Buffer.concat(Array(count).fill(packet));

describe("a client that sends 3,000 requests at once", () => {
  test("holds up no other: one is answered long before all of them are", async () => {
    const flood = await open({ policy: denying });
    const other = await open();
    await flood.ask(list); // the key is known
    flood.client.write(times(3000, frameOf(sign(key)).packet));
    await flood.replies(1);
    expect(await other.ask(list)).toEqual([identities]);
    expect(flood.log.length).toBeLessThan(2000);
    expect(await flood.replies(2999)).toEqual(Array(2999).fill(failure));
  });

  test("is answered before a question that one of them asks", async () => {
    const approver = new StubApprover();
    const { client, replies } = await open({ policy: policy([]), scope: { approvers: [approver] } });
    client.write(Buffer.concat([unknown, unknown, frameOf(sign(key)).packet, unknown]));
    await approver.nth(1);
    expect(await replies(2)).toEqual([failure, failure]);
  });
});

test("what waits for a client that takes no answers goes away with it, and when it has taken some", async () => {
  const path = join(makeFolder(), "s");
  const served = new Promise<Socket>((resolve) => createServer(resolve).listen(path));
  const client = connect(path);
  const socket = await served;
  for (const end of [client, socket]) end.on("error", () => {}); // as one of them goes away
  onTestFinished(() => void [client, socket].map((end) => end.destroy()));
  const replies = new Replies(socket);
  const before = [socket.listenerCount("drain"), socket.listenerCount("close")];
  for (let round = 0; round < 2; round++) {
    client.pause();
    while (replies.send(Buffer.alloc(4096), true));
    const taken = replies.taken();
    if (round === 0) client.resume();
    else client.destroy();
    await taken;
    expect([socket.listenerCount("drain"), socket.listenerCount("close")]).toEqual(before);
  }
});

test("a request that comes when no descriptor is left is denied for just that reason", async () => {
  const identify = (): never => {
    throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
  };
  const { ask, log } = await open({ client: { identify } });
  expect(await ask(sign(key))).toEqual([failure]);
  expect(log).toMatchObject([{ decision: "deny", reason: expect.stringMatching(/^no file descriptor/) }]);
});

test("answers that were given go out before what can't be read ends the connection", async () => {
  const { client, replies } = await open();
  client.write(Buffer.concat([unknown, unknown, Buffer.alloc(4)]));
  await once(client, "close");
  expect(await replies(2)).toEqual([failure, failure]);
});

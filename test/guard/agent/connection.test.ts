import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { AgentRequest } from "../../../src/wire/agent/agent.ts";
import { SESSION_BIND } from "../../../src/wire/agent/session-bind.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import {
  failure,
  identities,
  key,
  list,
  lock,
  noIdentities,
  open,
  otherKey,
  play,
  sign,
  signature,
  success,
} from "../../support/agent-connection.ts";
import { type FakeAgent, frameOf } from "../../support/agents.ts";
import { makeScope, StubApprover, yes } from "../../support/guard.ts";
import { caller, policy } from "../../support/policy.ts";

const numbers = ({ requests }: FakeAgent): (number | undefined)[] => requests.map(([number]) => number);

describe("a client that can be identified at some moments alone", () => {
  test("gets nothing from the scope of those who can't: a run's program would be taken for one outside", async () => {
    let count = 0;
    // as a thread does that calls exec after its process's first one has ended: /proc shows it again
    const identify = () => {
      if (count++ % 2 === 0) throw new Error("it has ended");
      return caller;
    };
    const outside = makeScope(policy([], { default: "allow" }));
    const inside = makeScope(policy([], { default: "deny" }));
    const scopeOf = (found: unknown) => (found ? inside : outside);
    const { ask, log } = await open({ client: { identify }, scopeOf });
    expect(await ask(sign(key), sign(key), sign(key), sign(key))).toEqual([
      failure,
      failure,
      failure,
      failure,
    ]);
    expect(log.map(({ by }) => by)).toEqual(["fault:caller", "default", "fault:caller", "default"]);
  });
});

describe("a request that is allowed", () => {
  test("goes to the agent as it came, and the answer comes back", async () => {
    const { ask, agent, log } = await open();
    expect(await ask(list, sign(key))).toEqual([identities, signature]);
    expect(agent.requests).toEqual([frameOf(list).payload, frameOf(sign(key)).payload]);
    expect(log).toMatchObject([
      {
        decision: "allow",
        request: { kind: "sign", data: "sshsig", namespace: "git", key: { comment: "work" } },
      },
    ]);
  });

  test("is answered in its order, however many are sent ahead", async () => {
    const { ask } = await open();
    const requests = Array.from({ length: 500 }, (_, at) => (at % 2 === 0 ? list : sign(key)));
    const expected = requests.map((request) => (request === list ? identities : signature));
    expect(await ask(...requests)).toEqual(expected);
  });

  test("is answered too if it waited until the client was read again", async () => {
    const { ask } = await open();
    const long: AgentRequest = { type: "SSH_AGENTC_SIGN_REQUEST", key, data: Buffer.alloc(2048), flags: 0 };
    const requests = Array.from({ length: 500 }, () => long); // a megabyte: a socket holds less
    expect(await ask(...requests)).toEqual(requests.map(() => signature));
  });

  test("may come one byte at a time", async () => {
    const { client, replies } = await open();
    for (const byte of Buffer.concat([frameOf(list).packet, frameOf(sign(key)).packet])) {
      if (!client.write(Buffer.of(byte))) await once(client, "drain");
    }
    expect(await replies(2)).toEqual([identities, signature]);
  });

  test("fails, and the log says so, if the agent goes away over it", async () => {
    const { ask, log, scope } = await open({
      agent: (socket, payload) => (payload[0] === 11 ? play(socket, payload) : socket.end()),
    });
    expect(await ask(list, sign(key))).toEqual([identities, failure]);
    expect(log.map(({ decision, by }) => [decision, by])).toEqual([
      ["allow", "default"],
      ["deny", "fault:upstream"],
    ]);
    expect(scope.reports.join()).toMatch(/^muxguard: denied: sign for "git".*closed the connection/);
  });
});

describe("a request that is denied", () => {
  test("fails, and the agent never hears of it", async () => {
    const { ask, agent } = await open({ policy: policy([], { default: "deny" }) });
    expect(await ask(list, sign(key), lock)).toEqual([noIdentities, failure, failure]);
    expect(numbers(agent)).toEqual([11]);
  });

  test("is one that changes the agent, of every kind", async () => {
    const { ask, agent, log } = await open({ policy: policy([], { default: "deny" }) });
    const token = { provider: "/lib/pkcs11.so", pin: Buffer.alloc(0) };
    const keyFields = new ByteWriter().string(Buffer.alloc(32, 1)).string("private").toBuffer();
    const added = { keyType: "ssh-ed25519", publicKey: key, keyFields, comment: "new", constraints: [] };
    const requests: [AgentRequest, object][] = [
      [
        { type: "SSH_AGENTC_ADD_IDENTITY", ...added },
        { operation: "add", key: { comment: "new" } },
      ],
      [
        { type: "SSH_AGENTC_ADD_ID_CONSTRAINED", ...added },
        { operation: "add", key: { comment: "new" } },
      ],
      [
        { type: "SSH_AGENTC_REMOVE_IDENTITY", key },
        { operation: "remove", key: { type: "ssh-ed25519", comment: "work" } },
      ],
      [{ type: "SSH_AGENTC_REMOVE_ALL_IDENTITIES" }, { operation: "remove-all" }],
      [
        { type: "SSH_AGENTC_ADD_SMARTCARD_KEY", ...token },
        { operation: "add-smartcard", provider: token.provider },
      ],
      [
        { type: "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED", ...token, constraints: [] },
        { operation: "add-smartcard", provider: token.provider },
      ],
      [{ type: "SSH_AGENTC_REMOVE_SMARTCARD_KEY", ...token }, { operation: "remove-smartcard" }],
      [lock, { operation: "lock" }],
      [{ type: "SSH_AGENTC_UNLOCK", passphrase: Buffer.from("secret") }, { operation: "unlock" }],
    ];
    expect(await ask(...requests.map(([request]) => request))).toEqual(requests.map(() => failure));
    expect(log.map(({ request }) => request)).toMatchObject(
      requests.map(([, facts]) => ({ kind: "admin", ...facts })),
    );
    expect(JSON.stringify(log)).not.toMatch(/secret|private/);
    // the key's comment is looked up for the removal
    expect(numbers(agent)).toEqual([11]);
  });

  test("is one for a key that no agent has, without a question", async () => {
    const approver = new StubApprover();
    const { ask, agent, log } = await open({ policy: policy([]), scope: { approvers: [approver] } });
    expect(await ask(sign(otherKey))).toEqual([failure]);
    expect(log).toMatchObject([{ decision: "deny", by: "fault:key" }]);
    expect(numbers(agent)).toEqual([11]);
    expect(approver.asked).toEqual([]);
  });

  test("is one of a process that can't be identified", async () => {
    const gone = (): never => {
      throw new Error("it has ended");
    };
    const { ask, agent, log } = await open({ client: { identify: gone } });
    expect(await ask(list, sign(key))).toEqual([noIdentities, failure]);
    const denied = { decision: "deny", by: "fault:caller", caller: undefined };
    expect(log).toMatchObject([denied, denied]);
    expect(numbers(agent)).toEqual([11]);
  });

  test("is one whose way can't be told, because of a fault of the guard's own", async () => {
    const { ask, agent, scope } = await open({ route: { resolve: () => Promise.reject(new Error("bug")) } });
    expect(await ask(list, sign(key))).toEqual([identities, failure]);
    expect(numbers(agent)).toEqual([11]);
    expect(scope.reports.join()).toMatch(/internal fault.*bug/);
  });
});

describe("a request that can't be read or isn't known", () => {
  const rows: [string, Buffer][] = [
    ["an unknown number", Buffer.of(1)],
    ["an unknown number with contents", Buffer.of(200, 1, 2, 3)],
    ["a list with contents", Buffer.of(11, 0)],
    ["a sign request that is cut", frameOf(sign(key)).payload.subarray(0, -1)],
    ["a sign request for what is no key", frameOf(sign(Buffer.from("none"))).payload],
    [
      "an unknown extension",
      frameOf({ type: "SSH_AGENTC_EXTENSION", name: "new@example.com", details: key }).payload,
    ],
  ];

  test.each(rows)("fails, and the next one is answered: %s", async (_, payload) => {
    const { client, replies, agent } = await open();
    client.write(Buffer.concat([encodeFrame(payload).packet, frameOf(list).packet]));
    expect(await replies(2)).toEqual([failure, identities]);
    expect(new Set(numbers(agent))).toEqual(new Set([11]));
  });

  test.each([
    ["no message number", Buffer.alloc(4)],
    ["an endless length", Buffer.alloc(4, 0xff)],
  ])("ends the connection if the stream has %s", async (_, bytes) => {
    const { client } = await open();
    client.write(bytes);
    await once(client, "close");
  });
});

describe("a session-bind", () => {
  const bind: AgentRequest = {
    type: "SSH_AGENTC_EXTENSION",
    name: SESSION_BIND,
    details: Buffer.from("details"),
  };

  test.each(["accepted", "unsupported"] as const)("that is %s goes on to the agent", async (verdict) => {
    const { ask, agent } = await open({ route: { bind: () => verdict } });
    expect(await ask(bind)).toEqual([success]);
    expect(agent.requests).toEqual([frameOf(bind).payload]);
  });

  test("that is refused does not", async () => {
    const { ask, agent } = await open({ route: { bind: () => "refused" } });
    expect(await ask(bind)).toEqual([{ type: "SSH_AGENT_EXTENSION_FAILURE" }]);
    expect(agent.connections).toHaveLength(0);
  });

  test("is no question, and the agent may be asked what it knows", async () => {
    const { ask, log } = await open({ policy: policy([], { default: "deny" }) });
    const query: AgentRequest = { type: "SSH_AGENTC_EXTENSION", name: "query", details: Buffer.alloc(0) };
    expect(await ask(bind, query)).toEqual([success, success]);
    expect(log).toEqual([]);
  });
});

test("a client that sends ahead is not read while its question is open", async () => {
  const approver = new StubApprover();
  const { ask, client } = await open({ policy: policy([]), scope: { approvers: [approver] } });
  await ask(list);
  client.write(frameOf(sign(key)).packet);
  await approver.nth(1);
  client.write(Buffer.alloc(8 * 1024 * 1024, frameOf(list).packet));
  const unsent: number[] = [];
  do {
    await new Promise(setImmediate);
    unsent.push(client.writableLength);
  } while (unsent.length < 100 || unsent.at(-1) !== unsent.at(-100));
  expect(unsent.at(-1)).toBeGreaterThan(4 * 1024 * 1024);
});

describe("a client that goes away", () => {
  test("takes its question and its upstream connection with it", async () => {
    const approver = new StubApprover();
    const { ask, client, agent, questions } = await open({
      policy: policy([]),
      scope: { approvers: [approver] },
    });
    await ask(list);
    client.write(frameOf(sign(key)).packet);
    const { signal } = await approver.nth(1);
    const withdrawn = once(signal, "abort");
    const [upstream] = agent.connections as [Socket];
    const closed = once(upstream, "close");
    client.destroy();
    await Promise.all([withdrawn, closed]);
    expect(questions.pending()).toEqual([]);
    expect(numbers(agent)).toEqual([11]);
  });

  test("gets nothing signed by an answer that comes too late", async () => {
    const approver = new StubApprover();
    const { ask, client, agent, log } = await open({ policy: policy([]), scope: { approvers: [approver] } });
    await ask(list);
    client.write(frameOf(sign(key)).packet);
    const { signal, answer } = await approver.nth(1);
    client.destroy();
    await once(signal, "abort");
    answer(yes());
    await new Promise(setImmediate);
    expect(log).toMatchObject([{ decision: "deny", by: "fault:withdrawn" }]);
    expect(numbers(agent)).toEqual([11]);
  });
});

test("the name of a run goes with each of its requests", async () => {
  const { ask, log } = await open({ scope: { run: { id: "run-1", name: "claude", pid: 7 } } });
  await ask(lock);
  expect(log[0]?.caller?.run).toEqual({ name: "claude", pid: 7 });
});

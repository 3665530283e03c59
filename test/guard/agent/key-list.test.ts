/** Which keys a client of the agent socket is shown. */
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { ListedFor } from "../../../src/policy/listing.ts";
import type { Policy, Rule } from "../../../src/policy/policy.ts";
import { type AgentReply, type AgentRequest, encodeAgentReply } from "../../../src/wire/agent/agent.ts";
import { encodeFrame } from "../../../src/wire/frame.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { encodeSshsig } from "../../../src/wire/signed-data.ts";
import {
  failure,
  key,
  list,
  noIdentities,
  open,
  otherKey,
  type Setting,
  signature,
} from "../../support/agent-connection.ts";
import { frameOf } from "../../support/agents.ts";
import { answering, no, yes } from "../../support/guard.ts";
import { caller, github, policy } from "../../support/policy.ts";

const both: AgentReply = {
  type: "SSH_AGENT_IDENTITIES_ANSWER",
  identities: [
    { key, comment: "work" },
    { key: otherKey, comment: "home" },
  ],
};

const play = (socket: Socket, payload: Buffer): void =>
  void socket.write(encodeFrame(encodeAgentReply(payload[0] === 11 ? both : signature)).packet);

type Options = NonNullable<Parameters<typeof open>[0]>;
const opened = (
  rules: Partial<Rule>[],
  more: Partial<Policy> = {},
  options: Options = {},
): Promise<Setting> => open({ agent: play, policy: policy(rules, more), ...options });

async function comments({ ask }: Pick<Setting, "ask">): Promise<string[]> {
  const [reply] = await ask(list);
  return reply?.type === "SSH_AGENT_IDENTITIES_ANSWER" ? reply.identities.map(({ comment }) => comment) : [];
}

describe("a list of keys", () => {
  test("is the agent's own where all could be used, and is no entry", async () => {
    for (const action of ["ask", "allow"] as const) {
      const setting = await opened([], { default: action });
      expect(await setting.ask(list, list)).toEqual([both, both]);
      expect(setting.log).toEqual([]);
    }
  });

  test("leaves out what the rules could never let the client sign with", async () => {
    const setting = await opened([{ key: "home", host: "github.com" }], { default: "deny" });
    expect(await comments(setting)).toEqual(["home"]);
    expect(setting.log).toEqual([]);
  });

  test("is empty, and no failure, where everything is denied: clients go on", async () => {
    const setting = await opened([], { default: "deny" });
    expect(await setting.ask(list, list)).toEqual([noIdentities, noIdentities]);
    // and once for the connection it is told why
    expect(setting.log).toMatchObject([{ request: { kind: "list" }, decision: "deny", by: "fault:list" }]);
    expect(setting.scope.reports).toEqual([
      "muxguard: denied: list the keys of the agent (the rules let it use none of them)",
    ]);
  });

  test("follows the policy as it is now", async () => {
    let current = policy([], { default: "allow" });
    const setting = await opened([], {}, { scope: { policy: () => current } });
    expect(await comments(setting)).toEqual(["work", "home"]);
    current = policy([{ key: "work" }], { default: "deny" });
    expect(await comments(setting)).toEqual(["work"]);
  });

  test("follows who asks: a program that became another one gets what that may use", async () => {
    let now = caller;
    const rules = [{ caller: "/usr/bin/ssh" }];
    const setting = await opened(rules, { default: "deny" }, { client: { identify: () => now } });
    expect(await comments(setting)).toEqual(["work", "home"]);
    now = { ...caller, exe: "/tmp/evil", ancestors: [] };
    expect(await comments(setting)).toEqual([]);
  });

  test("keeps each key's bytes as the agent wrote them, also a comment that is no UTF-8", async () => {
    const odd = Buffer.from([0xff, 0x20, 0xc3]);
    const entries = new ByteWriter().u8(12).u32(2).string(otherKey).string("home").string(key).string(odd);
    const raw = (socket: Socket): void => void socket.write(encodeFrame(entries.toBuffer()).packet);
    const rules = [{ key: "home", action: "deny" as const }];
    const setting = await opened(rules, { default: "allow" }, { agent: raw });
    const chunks: Buffer[] = [];
    setting.client.on("data", (chunk) => chunks.push(chunk));
    await setting.ask(list);
    const expected = new ByteWriter().u8(12).u32(1).string(key).string(odd).toBuffer();
    expect(Buffer.concat(chunks)).toEqual(encodeFrame(expected).packet);
  });

  test("that can't be read is a failure: nothing of it is passed on unread", async () => {
    const cut = encodeFrame(Buffer.of(12, 0, 0, 0, 9)).packet;
    const setting = await opened([], {}, { agent: (socket) => void socket.write(cut) });
    expect(await setting.ask(list)).toEqual([failure]);
  });

  test("that an agent refuses is refused", async () => {
    const refusal = encodeFrame(encodeAgentReply(failure)).packet;
    const setting = await opened([], {}, { agent: (socket) => void socket.write(refusal) });
    expect(await setting.ask(list)).toEqual([failure]);
  });

  test("is empty where the policy can't be read, which is told", async () => {
    const broken = (): never => {
      throw new Error("policy.toml:1: a mistake");
    };
    const setting = await opened([], {}, { scope: { policy: broken } });
    expect(await setting.ask(list)).toEqual([noIdentities]);
    expect(setting.log).toMatchObject([{ decision: "deny", reason: expect.stringContaining("a mistake") }]);
  });

  test("is empty for a process that is refused, whatever the policy allows", async () => {
    const setting = await opened([], { default: "allow" }, { scope: { refused: "of another run" } });
    expect(await setting.ask(list)).toEqual([noIdentities]);
    expect(setting.log).toMatchObject([{ request: { kind: "list" }, by: "fault:inside" }]);
  });
});

describe("a rule on lists", () => {
  test("that denies gives an empty one, and is in the log", async () => {
    const setting = await opened([{ name: "none", on: ["list"], action: "deny" }], { default: "allow" });
    expect(await setting.ask(list)).toEqual([noIdentities]);
    expect(setting.log).toMatchObject([{ request: { kind: "list" }, decision: "deny", by: "rule:none" }]);
  });

  test("that denies one key hides that one alone", async () => {
    const setting = await opened([{ on: ["list"], key: "work", action: "deny" }], { default: "allow" });
    expect(await comments(setting)).toEqual(["home"]);
  });

  test("that denies all keys asks nothing about a use that nobody wanted", async () => {
    const scope = { approvers: [answering(yes())] };
    const rules = ["work", "home"].map((key) => ({
      name: key,
      on: ["list" as const],
      key,
      action: "deny" as const,
    }));
    const setting = await opened(rules, { default: "ask" }, { scope });
    expect(await comments(setting)).toEqual([]);
    expect(setting.log).toMatchObject([{ request: { kind: "list" }, decision: "deny", by: "rule:work" }]);
  });

  test("that allows shows what could not be used", async () => {
    const setting = await opened([{ on: ["list"], key: "work" }], { default: "deny" });
    expect(await comments(setting)).toEqual(["work"]);
  });

  test("that asks is one question for the whole list", async () => {
    for (const [answer, expected] of [
      [yes(), ["work", "home"]],
      [no, []],
    ] as const) {
      const scope = { approvers: [answering(answer)] };
      const setting = await opened([{ on: ["list"], action: "ask" }], { default: "allow" }, { scope });
      expect(await comments(setting)).toEqual(expected);
      expect(setting.log).toMatchObject([{ request: { kind: "list" }, by: "approver:terminal" }]);
    }
  });

  test("that asks about one key shows the others whatever the answer is", async () => {
    const scope = { approvers: [answering(no)] };
    const rules = [{ on: ["list" as const], key: "work", action: "ask" as const }];
    expect(await comments(await opened(rules, { default: "allow" }, { scope }))).toEqual(["home"]);
  });
});

describe("a list for a host that the connection is bound to", () => {
  const where: ListedFor = { destination: github, path: [], forwarded: false };
  const route = {
    listedFor: () => where,
    resolve: () => Promise.resolve({ ...where, user: "git" }),
  };
  const sign = (by: Buffer): AgentRequest => {
    const hash = { namespace: "git", hashAlgorithm: "sha512", hash: Buffer.alloc(64) };
    return {
      type: "SSH_AGENTC_SIGN_REQUEST",
      key: by,
      data: encodeSshsig({ kind: "sshsig", ...hash }),
      flags: 0,
    };
  };

  test("shows those that could be used there", async () => {
    const rules = [
      { key: "work", host: "gitlab.com" },
      { key: "home", host: "github.com" },
    ];
    expect(await comments(await opened(rules, { default: "deny" }, { route }))).toEqual(["home"]);
  });

  test("is told of as the login that is denied, where nothing is left: ssh would not say why", async () => {
    const setting = await opened([{ host: "gitlab.com" }], { default: "deny" }, { route });
    expect(await setting.ask(list)).toEqual([noIdentities]);
    expect(setting.log).toMatchObject([
      { request: { kind: "sign", data: "userauth", destination: github }, decision: "deny", by: "default" },
    ]);
    expect(setting.scope.reports[0]).toMatch(/^muxguard: denied: log in to github.com with key "work"/);
  });

  test("begins with the key that was used there last: servers stop after six", async () => {
    const setting = await opened([], { default: "allow" }, { route });
    expect(await comments(setting)).toEqual(["work", "home"]);
    await setting.ask(sign(otherKey));
    expect(await comments(setting)).toEqual(["home", "work"]);
    await setting.ask(sign(key));
    expect(await comments(setting)).toEqual(["work", "home"]);
  });

  test("does not learn from what was denied", async () => {
    const setting = await opened(
      [{ key: "home", on: ["sign"], action: "deny" }, { on: ["list"] }],
      { default: "allow" },
      { route },
    );
    await setting.ask(sign(otherKey));
    expect(await comments(setting)).toEqual(["work", "home"]);
  });
});

test("a key is looked up for a signature although no list would show it", async () => {
  const rules = [{ on: ["list" as const], action: "deny" as const }];
  const setting = await opened(rules, { default: "allow" });
  const request = { type: "SSH_AGENTC_REMOVE_IDENTITY", key } as const;
  await setting.ask(request);
  expect(setting.agent.requests).toEqual([frameOf(list).payload, frameOf(request).payload]);
});

/** What a rule covers that "always" wrote for a login: what the answer covered of which it is made. */
import { describe, expect, test } from "vitest";
import type { Approver } from "../../../src/approver/approver.ts";
import { exactRule } from "../../../src/policy/exact-rule.ts";
import type { Policy, Rule } from "../../../src/policy/policy.ts";
import type { Caller, Request } from "../../../src/policy/request.ts";
import { makeAsker, makeBroker, makeScope } from "../../support/guard.ts";
import { github, login, policy, unverified, caller as usual } from "../../support/policy.ts";

const leader = { pid: 4000, startTime: "50" };
const caller: Caller = { ...usual, leader };
const { key: _, data: __, ...place } = login;
const session: Request = { ...place, kind: "session", command: "uptime" };
const always = exactRule(login, caller);

/** Nobody can be asked: what would be asked about is denied for want of an approver. */
async function after(given: Policy, by: Caller, asked: Request, between: (given: Policy) => void = () => {}) {
  const { broker, grants } = makeBroker();
  const scope = makeScope(given, { approvers: [] });
  const first = await broker.decide(login, makeAsker(caller), scope);
  between(given);
  const second = await broker.decide(asked, makeAsker(by), scope);
  return { first: first.by, later: second.by, grants };
}

const approved = (): Policy => policy([], { approved: always ? [always] : [] });
const written = `rule:${always?.name}`;

describe("a login that an approved rule allows", () => {
  test("covers plain sessions there of the same programs, at the same terminal", async () => {
    expect(await after(approved(), caller, session)).toMatchObject({ first: written, later: written });
    expect(await after(approved(), caller, { ...session, command: "df" })).toMatchObject({ later: written });
  });

  test.each<[string, Caller, Request]>([
    ["at another terminal", { ...caller, leader: { pid: 4001, startTime: "50" } }, session],
    ["of another program", { ...caller, exe: "/usr/bin/scp" }, session],
    ["started by another one", { ...caller, ancestors: caller.ancestors.slice(1) }, session],
    ["as another user", caller, { ...session, user: "root" }],
    ["on another host", caller, { ...session, destination: { ...github, hostKey: "SHA256:other" } }],
    ["on a connection to nobody knows where", caller, { ...session, destination: unverified }],
    ["with the agent", caller, { ...session, forwardAgent: true }],
    ["with X11", caller, { ...session, x11: true }],
    ["for a forward", caller, { ...session, kind: "forward", forward: { kind: "stdio", connect: "db:1" } }],
  ])("covers no session %s", async (_, by, asked) => {
    expect(await after(approved(), by, asked)).toMatchObject({ first: written, later: "fault:approver" });
  });

  test("covers nothing more once the rule is gone", async () => {
    const remove = (given: Policy): void => void (given.approved as Rule[]).splice(0);
    expect(await after(approved(), caller, session, remove)).toMatchObject({ later: "fault:approver" });
  });

  test("covers nothing that another rule asks about, nor what no answer wrote", async () => {
    const asks = policy([{ on: ["session"], action: "ask" }], { approved: always ? [always] : [] });
    expect(await after(asks, caller, session)).toMatchObject({ first: written, later: "fault:approver" });
    const own = policy([{ on: ["sign"], name: "mine" }]);
    expect(await after(own, caller, session)).toMatchObject({ first: "rule:mine", later: "fault:approver" });
  });

  test("covers nothing while the screen is locked", async () => {
    const { broker, grants } = makeBroker();
    const scope = makeScope(approved(), { approvers: [] });
    await broker.decide(login, makeAsker(caller), scope);
    grants.suspend();
    expect((await broker.decide(session, makeAsker(caller), scope)).by).toBe("fault:approver");
    grants.resume();
    expect((await broker.decide(session, makeAsker(caller), scope)).by).toBe(written);
  });

  test("covers them from the answer on that writes the rule", async () => {
    const given = policy([], { approved: [] });
    const { broker } = makeBroker();
    let asked = 0;
    const approver: Approver = {
      kind: "terminal",
      unavailable: () => undefined,
      ask: async () => {
        asked++;
        return { decision: "allow", remember: "always" };
      },
    };
    const approve = async (rule: Rule): Promise<void> => void (given.approved as Rule[]).push(rule);
    const scope = makeScope(given, { approvers: [approver], approve });
    const first = await broker.decide(login, makeAsker(caller), scope);
    const later = await broker.decide(session, makeAsker(caller), scope);
    expect([first.by, later.by, asked]).toEqual(["approver:terminal", written, 1]);
  });
});

import { describe, expect, test } from "vitest";
import { evaluate } from "../../src/policy/evaluate.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { emptyPolicy } from "../../src/policy/policy.ts";
import type { Request } from "../../src/policy/request.ts";
import * as base from "../support/policy.ts";

const { policy, rule } = base;
const judge = (given: Policy, request: Partial<Request> = {}) =>
  evaluate(given, { ...base.login, ...request }, base.caller);

describe("the policy", () => {
  test("asks where there are no rules", () => {
    expect(judge(emptyPolicy)).toMatchObject({ action: "ask", by: "default" });
  });

  test.each(["allow", "deny", "ask"] as const)("falls back on its default: %s", (action) => {
    const given = policy([{ host: "gitlab.com", action: "allow" }], { default: action });
    expect(judge(given)).toMatchObject({ action, by: "default" });
  });

  test("denies a signature for a host that no rule names, if that is its default", () => {
    const given = policy([{ host: "gitlab.com" }], { default: "deny" });
    expect(judge(given)).toEqual({ action: "deny", by: "default" });
  });

  test("takes the first rule that matches", () => {
    const rules = [
      { name: "other", host: "gitlab.com", action: "allow" as const },
      { name: "first", host: "github.com", action: "deny" as const },
      { name: "second", host: "*", action: "allow" as const },
    ];
    expect(judge(policy(rules))).toEqual({ action: "deny", by: "rule:first" });
    expect(judge(policy(rules.toReversed()))).toEqual({ action: "allow", by: "rule:second" });
  });

  test("names the rule that decided", () => {
    expect(judge(policy([{ name: "fetching: often", action: "allow" }]))).toEqual({
      action: "allow",
      by: "rule:fetching: often",
    });
  });

  test("passes on how a rule wants to be asked", () => {
    const given = policy([
      { name: "agents", action: "ask", remember: 600_000, timeout: 5000, approver: ["terminal"] },
    ]);
    expect(judge(given)).toEqual({
      action: "ask",
      by: "rule:agents",
      remember: 600_000,
      timeout: 5000,
      approvers: ["terminal"],
    });
  });

  test("leaves open what a rule does not say", () => {
    const open = { action: "ask", remember: undefined, timeout: undefined, approvers: undefined };
    expect(judge(policy([{ name: "r", action: "ask" }]))).toEqual({ ...open, by: "rule:r" });
    expect(judge(policy([]))).toEqual({ ...open, by: "default" });
  });

  test("remembers for no time where a rule says never", () => {
    expect(judge(policy([{ action: "ask", remember: "never" }]))).toMatchObject({ remember: 0 });
  });
});

describe("an approved rule", () => {
  const approved = [rule({ name: "always", host: "github.com", action: "allow" })];

  test("answers a question of a rule and of the default", () => {
    const answer = (answers: string) => ({ action: "allow", by: "rule:always", answers });
    expect(judge(policy([{ action: "ask" }], { approved }))).toEqual(answer("rule:a rule"));
    expect(judge(policy([{ action: "ask", remember: 1000 }], { approved }))).toEqual(answer("rule:a rule"));
    expect(judge(policy([], { approved }))).toEqual(answer("default"));
  });

  test("never answers for a denial", () => {
    expect(judge(policy([{ name: "no", action: "deny" }], { approved }))).toEqual({
      action: "deny",
      by: "rule:no",
    });
    expect(judge(policy([], { approved, default: "deny" }))).toEqual({ action: "deny", by: "default" });
  });

  test("never answers where each use is to be asked for", () => {
    expect(judge(policy([{ action: "ask", remember: "never" }], { approved })).action).toBe("ask");
    expect(judge(policy([{ action: "ask", remember: 0 }], { approved })).action).toBe("ask");
  });

  test("answers only for what it matches", () => {
    const other = { destination: { ...base.github, names: ["gitlab.com"] } };
    expect(judge(policy([], { approved }), other).action).toBe("ask");
    expect(judge(policy([], { approved }), { destination: base.unverified }).action).toBe("ask");
  });

  test("that does not allow changes nothing", () => {
    const denying = [rule({ name: "never", action: "deny" }), ...approved];
    expect(judge(policy([{ name: "r", action: "ask" }], { approved: denying }))).toMatchObject({
      by: "rule:r",
    });
  });

  test("does not come before a rule that allows", () => {
    expect(judge(policy([{ name: "r", action: "allow" }], { approved }))).toEqual({
      action: "allow",
      by: "rule:r",
    });
  });
});

describe("a policy whose files have been unreadable for long", () => {
  const broken = (action: "allow" | "deny" | "ask", more: Partial<Policy> = {}): Policy =>
    policy([{ name: "r", host: "github.com", action, remember: 600_000 }], { isBroken: true, ...more });

  test("asks about what it would allow, and says which rule that was", () => {
    const open = { action: "ask", remember: undefined, timeout: undefined, approvers: undefined };
    expect(judge(broken("allow"))).toEqual({ ...open, by: "broken:rule:r" });
  });

  test("asks about what its default, or an approved rule, would allow", () => {
    expect(judge(policy([], { default: "allow", isBroken: true }))).toMatchObject({
      action: "ask",
      by: "broken:default",
    });
    const approved = [rule({ name: "approved" })];
    expect(judge(policy([], { approved, isBroken: true }))).toMatchObject({
      action: "ask",
      by: "broken:rule:approved",
    });
  });

  test("is told from one beside which a fleet's can't be verified", () => {
    const unverified = (action: "allow" | "deny"): Policy =>
      policy([{ name: "r", host: "github.com", action }], { isUnverified: true });
    expect(judge(unverified("allow"))).toMatchObject({ action: "ask", by: "unverified:rule:r" });
    expect(judge(unverified("deny"))).toEqual({ action: "deny", by: "rule:r" });
  });

  test("denies what it denies, and asks what it asks, as before", () => {
    expect(judge(broken("deny"))).toEqual({ action: "deny", by: "rule:r" });
    expect(judge(broken("ask"))).toMatchObject({ action: "ask", by: "rule:r", remember: 600_000 });
  });

  test("lets keys be listed where it allows that", () => {
    const { destination: _, user: __, key: ___, ...rest } = base.login;
    const list: Request = { ...rest, kind: "list" };
    const given = policy([{ name: "r", action: "allow" }], { isBroken: true });
    expect(evaluate(given, list, base.caller)).toMatchObject({ action: "allow" });
  });
});

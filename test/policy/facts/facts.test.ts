/** Requests that are made of what somebody says of them. */
import { describe, expect, it, test } from "vitest";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { callerOf, contradictions, kindOf, requestOf } from "../../../src/policy/facts/facts.ts";
import type { Facts } from "../../../src/policy/facts/schema.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import { policy } from "../../support/policy.ts";

describe("what kind of request it is follows from what is said", () => {
  it.each<[Facts, string]>([
    [{}, "sign"],
    [{ host: ["github.com"] }, "sign"],
    [{ namespace: "git" }, "sign"],
    [{ command: "id" }, "session"],
    [{ subsystem: "sftp" }, "session"],
    [{ tty: true }, "session"],
    [{ connect: "db:5432" }, "forward"],
    [{ operation: "cancel" }, "forward"],
    [{ operation: "exit" }, "terminate"],
    [{ operation: "remove-all" }, "admin"],
    [{ operation: "use-key" }, "confirm"],
    [{ on: "connect", host: ["a"] }, "connect"],
  ])("%j: %s", (facts, kind) => {
    expect(kindOf(facts)).toBe(kind);
    expect(requestOf(facts).kind).toBe(kind);
  });
});

test("what no request has together is told", () => {
  expect(contradictions({ namespace: "git", host: ["a"] })).toEqual([
    expect.stringMatching(/^host never matches with/),
  ]);
  expect(contradictions({ on: "sign", command: "id" })).toEqual([
    expect.stringMatching(/^command says nothing of "sign"/),
  ]);
  expect(contradictions({ host: ["a"], user: "root", command: "id" })).toEqual([]);
});

describe("a rule decides about it as about any request", () => {
  const git = { program: ["/usr/bin/ssh", "/usr/bin/git"] };
  it.each<[string, Partial<Rule>, Facts, "allow" | "ask"]>([
    ["a host", { host: "web1" }, { host: ["web1"] }, "allow"],
    ["one of its names", { host: "web1" }, { host: ["10.0.0.7", "web1"] }, "allow"],
    ["a host that is not proven", { host: "web1" }, { host: ["web1"], verified: false }, "ask"],
    [
      "what such a host claims",
      { host: "web1", verified: false },
      { host: ["web1"], verified: false },
      "allow",
    ],
    ["no host at all", { host: "web1" }, { user: "git" }, "ask"],
    ["a program", { caller: "/usr/bin/git" }, { host: ["a"], ...git }, "allow"],
    ["no program", { caller: "/usr/bin/git" }, { host: ["a"] }, "ask"],
    ["the whole line", { programs: ["/usr/bin/ssh", "/usr/bin/git"] }, { host: ["a"], ...git }, "allow"],
    ["a script", { programs: ["/usr/bin/python3 /x.py"] }, { program: ["/usr/bin/python3 /x.py"] }, "allow"],
    ["a run", { scope: "claude" }, { host: ["a"], scope: "claude", ...git }, "allow"],
    ["outside of runs", { scope: "" }, { host: ["a"], scope: "" }, "allow"],
    ["a key by its comment", { key: "work" }, { key: ["SHA256:x", "work"] }, "allow"],
    ["a key of which the comment is not known", { key: "work" }, { key: ["SHA256:x"] }, "ask"],
    ["a command", { command: "git-upload-pack *" }, { host: ["a"], command: "git-upload-pack x" }, "allow"],
    ["a login shell", { command: "" }, { on: "session", host: ["a"] }, "allow"],
    ["a subsystem", { subsystem: "sftp" }, { host: ["a"], subsystem: "sftp" }, "allow"],
    ["a forward", { connect: "db:*" }, { host: ["a"], connect: "db:22" }, "allow"],
    ["git's branch", { branch: "main" }, { repository: "/r", branch: "main" }, "allow"],
    ["a container", { container: true }, { host: ["a"], container: true }, "allow"],
  ])("%s", (_name, rule, facts, action) => {
    expect(evaluate(policy([rule]), requestOf(facts), callerOf(facts)).action).toBe(action);
  });

  it("and of what is not said, nobody can say whether a rule that denies is meant", () => {
    const rules: Partial<Rule>[] = [{ name: "no prod", host: "prod", action: "deny" }, {}];
    const ruling = evaluate(policy(rules), requestOf({ user: "root" }), callerOf({}));
    expect(ruling).toMatchObject({ action: "ask", doubt: { rule: "no prod" } });
  });
});

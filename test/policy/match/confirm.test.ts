import { describe, expect, it } from "vitest";
import { coverage } from "../../../src/policy/coverage.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { confirmRequest } from "../../../src/policy/openssh-prompt.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Request } from "../../../src/policy/request.ts";
import { caller, policy } from "../../support/policy.ts";

const FINGERPRINT = "SHA256:sbyCmnlu0E4fzqEnQ9I/whxonWrgCcOHEoOUueBdzKQ";
const read = (text: string): Request => confirmRequest(text, "confirm", "ssh");

const useKey = read(`Allow use of key work?\nKey fingerprint ${FINGERPRINT}.`);
const share = read("Allow shared connection to prod.example? ");
const forward = read("Open local forward LOCALHOST:8080 -> db:5432 on prod.example?");
const opaque = read("Allow use of key work?");
const hostKey: Request = { ...share, operation: "trust-host-key" };

/** What a policy of this rule alone says; "default" if the rule doesn't match. */
const ruled = (request: Request, fields: Partial<Rule>): string => {
  const ruling = evaluate(policy([fields], { default: "deny" }), request, caller);
  return ruling.by === "default" ? "default" : ruling.action;
};

describe("a rule that allows matches OpenSSH's question", () => {
  it.each<[string, Request, Partial<Rule>]>([
    ["by its kind", useKey, { on: ["confirm"] }],
    ["by the key's comment", useKey, { on: ["confirm"], key: "work" }],
    ["by the key's fingerprint", useKey, { key: FINGERPRINT }],
    ["by its operation", share, { operation: ["share"] }],
    ["by the host, if it does not insist on proof", share, { host: "*.example", verified: false }],
    ["by the forward", forward, { on: ["confirm"], forward: ["local"], connect: "db:5432" }],
    ["by the program that asks", opaque, { on: ["confirm"], caller: "/usr/bin/ssh" }],
    ["for a new host key, if it names that", hostKey, { operation: ["trust-host-key"] }],
  ])("%s", (_, request, fields) => {
    expect(ruled(request, fields)).toBe("allow");
  });
});

describe("a rule that allows does not match", () => {
  it.each<[string, Request, Partial<Rule>]>([
    ["by a host that nobody proved", share, { host: "*.example" }],
    ["by another kind", useKey, { on: ["sign"], key: "work" }],
    ["by another key", useKey, { key: "other" }],
    ["by another forward", forward, { on: ["confirm"], connect: "db:22" }],
    ["a session, by a forward", share, { on: ["confirm"], forward: ["local"] }],
    ["a session, by a command: nobody says what it is", share, { on: ["confirm", "session"], command: "*" }],
    ["a new host key, by the kind alone", hostKey, { on: ["confirm"] }],
    ["a new host key, by the program", hostKey, { caller: "/usr/bin/ssh" }],
    ["an opaque question, by anything else than its kind", opaque, {}],
    ["an opaque question, by a key", opaque, { on: ["confirm"], key: "*" }],
    ["an opaque question, by an operation", opaque, { on: ["confirm"], operation: ["use-key"] }],
    ["an opaque question, by a host", opaque, { on: ["confirm"], host: "*", verified: false }],
  ])("%s", (_, request, fields) => {
    expect(ruled(request, fields)).toBe("default");
  });
});

describe("an opaque question may be what a stricter rule is about", () => {
  it.each<[Partial<Rule>, string]>([
    [{ on: ["confirm"], key: "prod*", action: "deny" }, "deny"],
    [{ on: ["confirm"], operation: ["exit"], action: "ask" }, "ask"],
    [{ key: "prod*", action: "deny" }, "default"],
  ])("%j: %s", (fields, expected) => {
    expect(ruled(opaque, fields)).toBe(expected);
  });
});

it("is asked about new host keys even where everything is allowed", () => {
  const everything = policy([], { default: "allow" });
  expect(evaluate(everything, hostKey, caller).action).toBe("ask");
  expect(evaluate(everything, share, caller).action).toBe("allow");
});

describe("an answer is remembered", () => {
  it("for the same question of the same process", () => {
    expect(coverage(useKey, caller, undefined)).toBe(coverage({ ...useKey }, { ...caller }, undefined));
  });

  it("not for another agent, nor for another key of the same name", () => {
    const other = read(`Allow use of key work?\nKey fingerprint ${FINGERPRINT.replace("s", "t")}.`);
    expect(coverage(other, caller, undefined)).not.toBe(coverage(useKey, caller, undefined));
    const agent = { ...caller, pid: 4712, startTime: "101" };
    expect(coverage(useKey, agent, undefined)).not.toBe(coverage(useKey, caller, undefined));
  });

  it("not at all where it can't be read, or is about whom to trust", () => {
    expect(coverage(opaque, caller, undefined)).toBeUndefined();
    expect(coverage(hostKey, caller, undefined)).toBeUndefined();
  });
});

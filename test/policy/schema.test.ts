import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { policySchema } from "../../src/policy/schema.ts";

const parse = (fields: object) => z.safeParse(policySchema, { rule: [{ action: "ask", ...fields }] });

describe("a policy", () => {
  test("may be empty", () => {
    expect(z.parse(policySchema, {})).toEqual({});
    expect(z.parse(policySchema, { rule: [] })).toEqual({ rule: [] });
  });

  test("holds rules as the README has them", () => {
    const rules = [
      {
        name: "fetching from github",
        on: ["sign", "session"],
        host: "github.com,*.github.com",
        user: "git",
        command: "git-upload-pack *",
        caller: "git",
        action: "allow",
      },
      { scope: "claude", action: "ask", remember: "10m", timeout: "60s" },
    ];
    const { default: fallback, rule } = z.parse(policySchema, { default: "ask", rule: rules });
    expect(fallback).toBe("ask");
    expect(rule?.[0]).toEqual(rules[0]);
    expect(rule?.[1]).toEqual({ scope: "claude", action: "ask", remember: 600_000, timeout: 60_000 });
  });

  const good: [string, object][] = [
    ["an empty command, which is a login shell", { command: "" }],
    ["a command that begins with an exclamation mark", { command: "!x" }],
    ["an exclusion beside a pattern", { host: "*,!prod" }],
    ["an exclusion before a pattern", { host: "!prod,*" }],
    ["spaces after commas", { host: "a, b" }],
    ["never to remember", { remember: "never" }],
    [
      "every field",
      { namespace: "git", key: "work", port: 22, forwarded: true, verified: false, container: true },
    ],
    ["operations", { operation: ["add", "lock"] }],
    ["operations on a connection", { operation: ["exit", "stop", "cancel"] }],
    ["a session's fields", { tty: true, x11: false, forward_agent: false, environment: "LANG,LC_*" }],
    ["a kind of forward", { forward: "local" }],
    ["kinds of forward", { forward: ["local", "remote", "dynamic", "stdio"] }],
    ["a forward's addresses", { listen: "localhost:*,[::1]:*", connect: "*.internal:5432,!*:22" }],
    ["approvers", { approver: ["terminal", "queue"] }],
  ];

  test.each(good)("may hold %s", (_, fields) => {
    expect(parse(fields).success).toBe(true);
  });
});

describe("a policy is refused", () => {
  test.each([
    ["on", "sign"],
    ["operation", "add"],
    ["approver", "command"],
    ["programs", "/usr/bin/git"],
  ])("takes a text for a list of one: %s", (field, value) => {
    expect(parse({ [field]: value })).toMatchObject({ data: { rule: [{ [field]: [value] }] } });
  });

  const bad: [string, object][] = [
    ["with a misspelt field", { hosts: "prod" }],
    ["with a field in capitals", { Host: "prod" }],
    ["with an empty pattern", { host: "" }],
    ["with a pattern of spaces", { host: "  " }],
    ["with an empty pattern in a list", { host: "a,,b" }],
    ["with an empty pattern at the end", { user: "a," }],
    ["with nothing behind an exclamation mark", { key: "a,!" }],
    ["with nothing but an exclusion", { host: "!prod" }],
    ["with nothing but exclusions", { caller: "!a, !b" }],
    ["with an empty subsystem", { subsystem: "" }],
    ["with a list in a list of patterns", { user: [["root"], "git"] }],
    ["without an action", { action: undefined }],
    ["with an unknown action", { action: "permit" }],
    ["with an unknown kind", { on: ["login"] }],
    ["with an unknown kind that is no list", { on: "login" }],
    ["with no kind at all", { on: [] }],
    ["with an unknown kind of forward", { forward: "tunnel" }],
    ["with an unknown kind of forward in a list", { forward: ["local", "tunnel"] }],
    ["with no kind of forward at all", { forward: [] }],
    ["with an empty address", { connect: "" }],
    ["with nothing but an excluded address", { listen: "!*:*" }],
    ["with an empty variable", { environment: "LANG," }],
    ["with a terminal that is text", { tty: "yes" }],
    ["with X11 that is a number", { x11: 1 }],
    ["with agent forwarding as ssh_config(5) spells it", { ForwardAgent: true }],
    ["with agent forwarding as the log spells it", { forwardAgent: true }],
    ["with an unknown operation", { operation: ["delete"] }],
    ["with an unknown approver", { approver: ["telepathy"] }],
    ["with no approver at all", { approver: [] }],
    ["with a duration without a unit", { timeout: "60" }],
    ["with a duration that is a number", { timeout: 60 }],
    ["with a negative duration", { remember: "-1s" }],
    ["with a duration in words", { remember: "always" }],
    ["with a timeout of never", { timeout: "never" }],
    ["with port 0", { port: 0 }],
    ["with a port too high", { port: 65_536 }],
    ["with a port that is no whole number", { port: 22.5 }],
    ["with a port that is text", { port: "22" }],
    ["with a truth that is text", { verified: "true" }],
  ];

  test.each(bad)("%s", (_, fields) => {
    expect(parse(fields).success).toBe(false);
  });

  test.each([
    ["an unknown field of its own", { rules: [] }],
    ["an unknown default", { default: "maybe" }],
    ["a rule that is no list", { rule: { action: "ask" } }],
  ])("with %s", (_, policy) => {
    expect(z.safeParse(policySchema, policy).success).toBe(false);
  });

  test("and says where and why", () => {
    const issues = parse({ host: "!prod" }).error?.issues;
    expect(issues).toMatchObject([
      {
        path: ["rule", 0, "host"],
        message: expect.stringMatching(/never matches/),
      },
    ]);
    expect(parse({ timeout: "1" }).error?.issues).toMatchObject([
      { message: expect.stringMatching(/not a duration/) },
    ]);
  });
});

/** Rules on sessions and forwards. */
import { describe, expect, test } from "vitest";
import { matchRule } from "../../../src/policy/match/match.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Forward, Request } from "../../../src/policy/request.ts";
import * as base from "../../support/policy.ts";

type Action = Rule["action"];

const matches = (rule: Partial<Rule>, request: Request): boolean =>
  matchRule(base.rule(rule), request, base.caller) === "yes";

const { data: _data, key: _key, ...place } = base.login;
const session = (fields: Partial<Request> = {}): Request => ({ ...place, kind: "session", ...fields });
const forwarding = (forward: Forward): Request => ({ ...place, kind: "forward", forward });

const uptime = session({ command: "uptime" });
const shell = session({ command: "" });
const sftp = session({ subsystem: "sftp" });
const local = forwarding({ kind: "local", listen: "127.0.0.1:8080", connect: "db.internal:5432" });
const remote = forwarding({ kind: "remote", listen: "*:9000", connect: "localhost:3000" });
const dynamic = forwarding({ kind: "dynamic", listen: "localhost:1080" });
const farSocks = forwarding({ kind: "remote", listen: "localhost:1080", connect: "*" });
const stdio = forwarding({ kind: "stdio", connect: "[::1]:22" });

type Row = [string, Partial<Rule>, Request, boolean];

function checks(title: string, rows: Row[]): void {
  describe(title, () => {
    test.each(rows)("%s", (_, rule, request, expected) => {
      expect(matches(rule, request)).toBe(expected);
    });
  });
}

checks("a rule to allow a command", [
  ["covers its arguments", { command: "tail *" }, session({ command: "tail -n 5 'my log'" }), true],
  ["does not cover another command", { command: "tail *" }, session({ command: "tail x; id" }), false],
  ["covers any with a star alone", { command: "*" }, session({ command: "tail x; id" }), true],
  ["does not cover a subsystem that names a command too", { command: "" }, { ...shell, ...sftp }, false],
  ["nor the other way round", { subsystem: "sftp" }, { ...shell, ...sftp }, false],
]);

test.each<Action>(["deny", "ask"])("a rule to %s a command covers whatever a wildcard can hold", (action) => {
  expect(matches({ action, command: "tail *" }, session({ command: "tail x; id" }))).toBe(true);
  expect(matches({ action, command: "*rm -rf*" }, session({ command: "x `rm -rf ~`" }))).toBe(true);
  expect(matches({ action, command: "" }, uptime)).toBe(false);
});

describe("a rule that does not mention agent or X11 forwarding", () => {
  const extras: Partial<Request>[] = [
    { x11: true },
    { forwardAgent: true },
    { x11: true, forwardAgent: true },
  ];

  test.each(extras)("does not allow it along with a command or subsystem: %j", (extra) => {
    expect(matches({ command: "uptime" }, { ...uptime, ...extra })).toBe(false);
    expect(matches({ command: "*" }, { ...uptime, ...extra })).toBe(false);
    expect(matches({ command: "" }, { ...shell, ...extra })).toBe(false);
    expect(matches({ subsystem: "sftp" }, { ...sftp, ...extra })).toBe(false);
  });

  test.each(extras)("allows it along with any session: %j", (extra) => {
    expect(matches({ host: "github.com" }, { ...uptime, ...extra })).toBe(true);
    expect(matches({ on: ["session"] }, { ...shell, ...extra })).toBe(true);
  });

  test.each(extras)("denies and asks for the command all the same: %j", (extra) => {
    expect(matches({ command: "uptime", action: "deny" }, { ...uptime, ...extra })).toBe(true);
    expect(matches({ command: "uptime", action: "ask" }, { ...uptime, ...extra })).toBe(true);
  });
});

test("a rule that mentions one of them does not allow the other", () => {
  const both = { ...uptime, x11: true, forwardAgent: true } as const;
  expect(matches({ command: "uptime", x11: true }, both)).toBe(false);
  expect(matches({ command: "uptime", forward_agent: true }, both)).toBe(false);
  expect(matches({ command: "uptime", forward_agent: true, x11: true }, both)).toBe(true);
});

checks("a rule on what a session brings along", [
  ["matches one with a terminal", { tty: true }, session({ command: "", tty: true }), true],
  ["does not match one without", { tty: true }, uptime, false],
  ["matches one without", { tty: false }, uptime, true],
  ["does not match one with a terminal", { tty: false }, session({ tty: true }), false],
  ["matches X11 forwarding", { x11: true }, session({ x11: true }), true],
  ["matches none", { x11: false }, uptime, true],
  ["does not match X11 forwarding", { x11: false }, session({ x11: true }), false],
  ["matches agent forwarding", { forward_agent: true }, session({ forwardAgent: true }), true],
  ["matches no agent forwarding", { forward_agent: false }, uptime, true],
  ["does not match agent forwarding", { forward_agent: false }, session({ forwardAgent: true }), false],
  [
    "does not match a forwarded request for all that",
    { forward_agent: true },
    { ...uptime, forwarded: true },
    false,
  ],
]);

describe("a rule on variables", () => {
  const rows: [string, string[] | undefined, boolean, boolean][] = [
    // what the session sets, whether a rule on LANG,LC_*,!LC_TIME allows it, whether it denies it
    ["none", undefined, true, false],
    ["an empty list", [], true, false],
    ["one that matches", ["LANG"], true, true],
    ["several that match", ["LANG", "LC_ALL"], true, true],
    ["one that does not", ["LD_PRELOAD"], false, false],
    ["one that does not among those that do", ["LANG", "LD_PRELOAD"], false, true],
    ["one that is excluded", ["LC_TIME"], false, false],
    ["one that is excluded among those that match", ["LANG", "LC_TIME"], false, true],
    ["one in lower case", ["lang"], false, false],
    ["one without a name", [""], false, false],
    ["two in one", ["LANG,LC_ALL"], false, false],
  ];

  test.each(rows)("%s: %j", (_, environment, allows, denies) => {
    const asked = session({ command: "uptime", ...(environment && { environment }) });
    const rule = { environment: "LANG,LC_*,!LC_TIME" };
    expect(matches({ ...rule, action: "allow" }, asked)).toBe(allows);
    expect(matches({ ...rule, action: "deny" }, asked)).toBe(denies);
    expect(matches({ ...rule, action: "ask" }, asked)).toBe(denies);
  });
});

checks("a rule on forwards", [
  ["matches its kind", { forward: ["local"] }, local, true],
  ["does not match another", { forward: ["local"] }, remote, false],
  ["matches one of its kinds", { forward: ["dynamic", "stdio"] }, stdio, true],
  ["does not match one that is none of them", { forward: ["dynamic", "stdio"] }, local, false],
  ["matches where it listens", { listen: "127.0.0.1:*" }, local, true],
  ["does not match another port", { listen: "127.0.0.1:80" }, local, false],
  ["does not match where it leads by where it listens", { listen: "db.internal:5432" }, local, false],
  ["matches where it leads", { connect: "*.internal:5432" }, local, true],
  ["regards no case", { connect: "*.INTERNAL:5432" }, local, true],
  ["does not match an excluded place", { connect: "*,!*:5432" }, local, false],
  ["matches an IPv6 address", { connect: "[::1]:22" }, stdio, true],
  [
    "matches a socket",
    { connect: "/run/*" },
    forwarding({ kind: "local", connect: "/run/docker.sock" }),
    true,
  ],
  ["finds one that the world reaches", { listen: "*,!localhost:*,!127.0.0.1:*" }, remote, true],
  ["finds none that only this host reaches", { listen: "*,!localhost:*,!127.0.0.1:*" }, local, false],
  ["does not match one that listens nowhere", { listen: "*" }, stdio, false],
  ["matches only if all of it does", { forward: ["remote"], connect: "*.internal:*" }, local, false],
  [
    "matches one that is ended",
    { forward: ["local"], operation: ["cancel"] },
    { ...local, operation: "cancel" },
    true,
  ],
  ["does not match one that is opened", { forward: ["local"], operation: ["cancel"] }, local, false],
]);

describe.each([
  ["a SOCKS proxy", dynamic],
  ["one on the far side", farSocks],
])("%s, which may lead anywhere", (_, request) => {
  test("is allowed by no rule on where forwards lead, but one for everywhere", () => {
    for (const connect of ["*:*", "db:5432", "*,!db:5432", "?", "*,*"]) {
      expect(matches({ connect }, request)).toBe(false);
    }
    expect(matches({ connect: "*" }, request)).toBe(true);
    expect(matches({ on: ["forward"] }, request)).toBe(true);
  });

  test.each<Action>(["deny", "ask"])("falls under every rule to %s", (action) => {
    expect(matches({ action, connect: "db:5432" }, request)).toBe(true);
    expect(matches({ action, connect: "db:5432", forward: ["local", "stdio"] }, request)).toBe(false);
    expect(matches({ action, connect: "db:5432", listen: "127.0.0.1:*" }, request)).toBe(false);
  });
});

describe("a field of sessions or forwards", () => {
  const ofSessions: Partial<Rule>[] = [
    { command: "*" },
    { subsystem: "*" },
    { tty: false },
    { x11: false },
    { forward_agent: false },
    { environment: "*" },
  ];
  const ofForwards: Partial<Rule>[] = [{ forward: ["local"] }, { listen: "*" }, { connect: "*" }];
  const others: Request[] = [
    base.login,
    ...(["proxy", "terminate", "connect"] as const).map((kind) => ({ ...place, kind })),
  ];

  test.each([...ofSessions, ...ofForwards])("says nothing of other kinds: %j", (rule) => {
    for (const action of ["allow", "deny", "ask"] as const) {
      for (const request of others) expect(matches({ ...rule, action }, request)).toBe(false);
    }
  });

  test.each([...ofSessions, ...ofForwards])("lets a rule match those that it names: %j", (rule) => {
    for (const request of others) {
      expect(matches({ ...rule, on: ["sign", "proxy", "terminate", "connect"] }, request)).toBe(true);
      expect(matches({ ...rule, on: ["session", "forward"] }, request)).toBe(false);
    }
  });

  test.each(ofSessions)("of sessions says nothing of forwards: %j", (rule) => {
    expect(matches(rule, local)).toBe(false);
    expect(matches({ ...rule, on: ["session", "forward"] }, local)).toBe(true);
  });

  test.each(ofForwards)("of forwards says nothing of sessions: %j", (rule) => {
    expect(matches(rule, uptime)).toBe(false);
    expect(matches({ ...rule, on: ["session", "forward"] }, uptime)).toBe(true);
  });

  test("counts for its own kind, whatever else a rule names", () => {
    const rule: Partial<Rule> = { command: "uptime", forward: ["local"], on: ["session", "forward", "sign"] };
    expect([uptime, local, base.login].map((request) => matches(rule, request))).toEqual([true, true, true]);
    expect([shell, remote].map((request) => matches(rule, request))).toEqual([false, false]);
    const { on: _on, ...open } = rule;
    expect([uptime, local, base.login].some((request) => matches(open, request))).toBe(false);
  });
});

checks("a rule on operations", [
  [
    "matches the end of a connection",
    { operation: ["exit"] },
    { ...place, kind: "terminate", operation: "exit" },
    true,
  ],
  [
    "does not match the end of sharing",
    { operation: ["exit"] },
    { ...place, kind: "terminate", operation: "stop" },
    false,
  ],
  ["does not match a session", { operation: ["exit", "stop", "cancel"] }, uptime, false],
]);

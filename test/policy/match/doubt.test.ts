/** What can't be said to match: a rule that denies or asks stays open then, and what comes later asks. */
import { describe, expect, it, test } from "vitest";
import { MAX_ANCESTORS } from "../../../src/platform/proc/process.ts";
import { describeDoubt } from "../../../src/policy/describe/doubt.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { MOST_ANCESTORS } from "../../../src/policy/match/caller.ts";
import { matchRule } from "../../../src/policy/match/match.ts";
import { confirmRequest } from "../../../src/policy/openssh-prompt.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Caller, Process, Request } from "../../../src/policy/request.ts";
import * as base from "../../support/policy.ts";

const { github, unverified, login, policy, rule } = base;

const { data: _, key: __, ...place } = login;
const unknown: Request = { ...login, destination: unverified };
const claiming: Request = { ...login, destination: { ...unverified, claimed: "prod" } };
const unknownKey: Request = {
  ...login,
  destination: { ...unverified, hostKey: "SHA256:new", how: "unknown host key" },
};
const { destination: ___, user: _____, ...nowhere } = login;
const opaque: Request = { ...nowhere, data: "opaque" };
const master: Request = { ...place, kind: "session", command: "uptime", destination: unverified };
const severalPorts: Request = { ...login, destination: { ...github, port: undefined } as never };
const byName: Request = {
  ...place,
  kind: "connect",
  destination: { ...github, hostKey: undefined } as never,
};
const { user: ____, ...withoutUser } = master;
const confirm = (text: string): Request => confirmRequest(text, "confirm", "ssh");
const useKey = confirm(`Allow use of key work?\nKey fingerprint SHA256:${"a".repeat(43)}.`);
const share = confirm("Allow shared connection to prod? ");
const unreadable = confirm("Allow use of key work?");
const removeAll: Request = { kind: "admin", operation: "remove-all", path: [], forwarded: false };

const [git, bash] = base.caller.ancestors as [Process, Process];
const hidden = (process: Process): Process => ({ ...process, exe: undefined }) as never;
const by = (...ancestors: Process[]): Caller => ({ ...base.caller, ancestors });
const holder = hidden({ ...bash, pid: 900 });
const inRun = (...ancestors: Process[]): Caller => ({
  ...by(...ancestors, holder, hidden(bash), bash),
  run: { name: "agent", pid: holder.pid },
});
const withoutExe: Caller = { ...base.caller, exe: undefined } as never;

type Row = [string, Partial<Rule>, Request, Caller?];

const open: Row[] = [
  ["a host, of a login without a proof", { host: "prod" }, unknown],
  ["a host, of a login that claims it", { host: "prod" }, claiming],
  ["a host, of a login that claims another", { host: "lab" }, claiming],
  ["a host, where its key is none that is known", { host: "prod" }, unknownKey],
  ["every host but one", { host: "*,!lab" }, unknown],
  ["a port", { port: 22 }, unknown],
  ["a port, of a host with several", { port: 22 }, severalPorts],
  ["a host key", { host_key: "SHA256:prod" }, unknown],
  ["a host key, of a host that is known by its name", { host_key: "SHA256:prod" }, byName],
  ["a host, of data of unknown shape", { host: "prod" }, opaque],
  ["a user, of data of unknown shape", { user: "root" }, opaque],
  ["an unverified destination, of data of unknown shape", { verified: false }, opaque],
  ["a host and another thing that matches", { host: "prod", user: "git" }, unknown],
  ["a host, of a session over a master that proves nothing", { host: "prod" }, master],
  ["a user, of a session over such a master", { user: "root" }, withoutUser],
  ["a host, where an ssh-agent asks for a key", { host: "prod" }, useKey],
  ["a purpose, where an ssh-agent asks for a key", { namespace: "git" }, useKey],
  ["a host, of a shared connection", { host: "prod" }, share],
  ["a command, of a shared connection", { command: "rm *" }, share],
  ["a key, of a question that can't be read", { key: "prod*" }, unreadable],
  ["a key, of all keys", { key: "work" }, removeAll],
  ["a program, of one whose executable is hidden", { caller: "/usr/bin/evil" }, login, withoutExe],
  ["a program, behind one that hides its own in a run", { caller: "evil" }, login, inRun(hidden(git), bash)],
  [
    "a program, behind more ancestors than are read",
    { caller: "/usr/bin/evil" },
    login,
    by(...Array.from({ length: MOST_ANCESTORS }, () => git)),
  ],
];

const closed: Row[] = [
  ["another host, of one that is proven", { host: "prod" }, login],
  ["another user", { host: "prod", user: "root" }, unknown],
  ["another kind of request", { host: "prod", on: ["session"] }, unknown],
  ["what is verified, where it is not", { host: "prod", verified: true }, unknown],
  ["what is claimed, where nothing is", { host: "prod", verified: false }, unknown],
  ["what is claimed, where another is", { host: "lab", verified: false }, claiming],
  ["a host, of a signature for git", { host: "prod" }, base.gitSignature],
  ["a user, of a signature for git", { user: "root" }, base.gitSignature],
  ["a host, of data that can't be a login", { host: "prod" }, { ...opaque, noLogin: true }],
  ["a user, of data that can't be a login", { user: "root" }, { ...opaque, noLogin: true }],
  ["a host, of a change to the agent", { host: "prod" }, removeAll],
  ["a key, of a session", { key: "work" }, master],
  ["a command, of a proxy whose sessions are decided", { command: "rm *" }, { ...place, kind: "proxy" }],
  ["a command, of a login", { command: "rm *" }, login],
  ["a program, below the run's holder, which hides", { caller: "evil" }, login, inRun(git, bash)],
  ["a program, outside of runs below one that hides, as screen", { caller: "evil" }, login, by(hidden(bash))],
  ["a program, below a login session's server", { caller: "evil" }, login, by(git, bash, hidden(bash))],
];

describe("a rule that names", () => {
  for (const action of ["deny", "ask"] as const) {
    test.each(open)(`%s: to ${action} can't be said to match`, (_, fields, request, caller = base.caller) => {
      expect(matchRule(rule({ ...fields, action }), request, caller)).toBe("unsaid");
    });
    test.each(closed)(`%s: to ${action} does not match`, (_, fields, request, caller = base.caller) => {
      expect(matchRule(rule({ ...fields, action }), request, caller)).toBe("no");
    });
  }
  test.each([...open, ...closed])(
    "%s: to allow does not match",
    (_, fields, request, caller = base.caller) => {
      expect(matchRule(rule({ ...fields, action: "allow" }), request, caller)).toBe("no");
    },
  );
});

test("a line of programs is taken for cut off where the system's part cuts it off", () => {
  expect(MOST_ANCESTORS).toBe(MAX_ANCESTORS);
});

const noProd: Partial<Rule> = { name: "no prod", host: "prod", action: "deny" };
const askProd: Partial<Rule> = { name: "ask prod", host: "prod", action: "ask", remember: 60_000 };
const judge = (...args: Parameters<typeof policy>) => evaluate(policy(...args), unknown, base.caller);
const doubt = { rule: "no prod", action: "deny", unknown: { host: "prod" } };

describe("a login that may be what a rule denies", () => {
  it.each<[string, Partial<Rule>[], Parameters<typeof policy>[1]]>([
    ["a later rule", [noProd, { name: "rest", action: "allow" }], {}],
    ["the default", [noProd], { default: "allow" }],
  ])("is asked about where %s allows it, and each time", (_, rules, more) => {
    expect(judge(rules, more)).toEqual({
      action: "ask",
      by: "rule:no prod",
      remember: 0,
      timeout: undefined,
      approvers: undefined,
      doubt,
    });
  });

  it("is not answered by an approved rule", () => {
    const approved = [rule({ name: "always" })];
    expect(judge([noProd], { approved })).toMatchObject({ action: "ask", by: "default", remember: 0, doubt });
  });

  it("is asked about as a later rule wants it asked, but each time", () => {
    const later: Partial<Rule> = { name: "ask", action: "ask", timeout: 5000, remember: 1000 };
    expect(judge([noProd, later])).toMatchObject({ by: "rule:ask", timeout: 5000, remember: 0, doubt });
  });

  it("is asked about for what denies it, whatever else asks about it", () => {
    const asking: Partial<Rule> = { ...askProd, timeout: 5000, host: "lab" };
    expect(judge([asking, noProd], { default: "allow" })).toMatchObject({
      by: "rule:no prod",
      timeout: 5000,
      remember: 0,
      doubt,
    });
  });

  it("is denied where a later rule or the default denies it", () => {
    expect(judge([noProd, { name: "none", action: "deny" }])).toEqual({ action: "deny", by: "rule:none" });
    expect(judge([noProd], { default: "deny" })).toEqual({ action: "deny", by: "default" });
  });

  it("is allowed by a rule that comes before", () => {
    expect(judge([{ name: "these", verified: false }, noProd])).toEqual({
      action: "allow",
      by: "rule:these",
    });
  });
});

describe("a login that may be what a rule asks about", () => {
  it("is asked about as that rule says", () => {
    expect(judge([{ ...askProd, approver: ["tmux"] }], { default: "allow" })).toEqual({
      action: "ask",
      by: "rule:ask prod",
      remember: 60_000,
      timeout: undefined,
      approvers: ["tmux"],
      doubt: { rule: "ask prod", action: "ask", unknown: { host: "prod" } },
    });
  });

  it("is asked about in the strictest way of all that may be meant", () => {
    const rules: Partial<Rule>[] = [
      { ...askProd, timeout: 9000, approver: ["tmux", "queue"] },
      { name: "rest", action: "ask", remember: 90_000, timeout: 5000, approver: ["queue", "terminal"] },
    ];
    expect(judge(rules)).toEqual({
      action: "ask",
      by: "rule:rest",
      remember: 60_000,
      timeout: 5000,
      approvers: ["queue"],
    });
  });

  it("may be answered by an approved rule, as it could if the rule matched", () => {
    const approved = [rule({ name: "always" })];
    expect(judge([askProd], { default: "allow", approved })).toEqual({ action: "allow", by: "rule:always" });
  });
});

describe("in words", () => {
  it.each([
    [{ host: "prod" }, 'this could be prod, which rule "no prod" denies'],
    [
      { host: "prod,prod-*", user: "root", host_key: "SHA256:a" },
      'this could be "prod,prod-*", user root, host key SHA256:a, which rule "no prod" denies',
    ],
    [{ caller: "/usr/bin/evil" }, 'this could be caller /usr/bin/evil, which rule "no prod" denies'],
    [{}, 'this could be what rule "no prod" denies'],
    [{ host: "a\u001b[2J" }, 'this could be "a\\x1b[2J", which rule "no prod" denies'],
  ])("%j", (unknown, words) => {
    expect(describeDoubt({ rule: "no prod", action: "deny", unknown } as never)).toBe(words);
  });
});

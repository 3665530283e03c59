/** Why a policy says what it says. */
import { describe, expect, it, test } from "vitest";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { explain, rulingOn } from "../../../src/policy/explain/explain.ts";
import { describeField, describeRuling } from "../../../src/policy/explain/words.ts";
import { listRuling } from "../../../src/policy/listing.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Caller, Request } from "../../../src/policy/request.ts";
import { caller, login, policy, rule, unverified } from "../../support/policy.ts";

const { data: _, key: __, ...place } = login;
const session: Request = { ...place, kind: "session", command: "uptime" };
const unknown: Request = { ...login, destination: { ...unverified, claimed: "pr\u001bod" } };

test("each rule has its result, and what is behind the one that matches is not reached", () => {
  const rules = policy([
    { name: "a", host: "prod", action: "deny" },
    { name: "b", user: "git" },
    { name: "c", host: "github.com" },
  ]);
  const { ruling, rules: accounts } = explain(rules, login, caller);
  expect(accounts.map(({ rule, match, isReached }) => [rule.name, match, isReached])).toEqual([
    ["a", "no", true],
    ["b", "yes", true],
    ["c", "yes", false],
  ]);
  expect(ruling).toEqual(evaluate(rules, login, caller));
});

test("a key in a list is decided as the list does", () => {
  const denies = policy([{ name: "no", action: "deny" }]);
  const { destination, path, forwarded, key } = login;
  const where = { path, forwarded, ...(destination && { destination }) };
  const listed: Request = { kind: "list", user: "git", ...where, ...(key && { key }) };
  expect(rulingOn(denies, listed, caller)).toEqual(listRuling(denies, key as never, caller, where));
  expect(rulingOn(denies, listed, caller)).toMatchObject({ action: "deny" });
});

describe("what came of a field, in words", () => {
  const said = (fields: Partial<Rule>, request: Request, who: Caller = caller): string[] => {
    const one = rule(fields);
    const [account] = explain(policy([one]), request, who).rules;
    return account?.fields.map((field) => describeField(one, field, request, who)) ?? [];
  };
  it.each<[Partial<Rule>, Request, string]>([
    [{ host: "prod" }, login, 'host = "prod": it is "github.com"'],
    [
      { host: "prod" },
      unknown,
      'host = "prod": can\'t be said, the destination is not verified: no session-bind (it says "pr\\x1bod")',
    ],
    [{ on: ["session"] }, login, 'on = ["session"]: it is "sign"'],
    [{ key: "prod" }, login, 'key = "prod": it is ["SHA256:fingerprint-of-work","work"]'],
    [{ command: "id" }, session, 'command = "id": it is "uptime"'],
    [{ command: "id" }, login, 'command = "id": a request of "sign" has none'],
    [{ command: "up*" }, { ...session, x11: true }, "no x11: it is true"],
    [{ caller: "make" }, login, 'caller = "make": it is ["/usr/bin/ssh","/usr/bin/git","/usr/bin/bash"]'],
    [{ programs: ["/bin/x"] }, login, 'programs = ["/bin/x"]: it is ["/usr/bin/ssh","/usr/bin/git"]'],
    [{ scope: "claude" }, login, 'scope = "claude": it is outside of runs'],
    [{ port: 23 }, login, "port = 23: it is 22"],
    [{ user: "root" }, { ...session, user: undefined } as never, 'user = "root": can\'t be said'],
  ])("%j", (fields, request, text) => {
    expect(said(fields, request)).toContain(text);
  });
});

test.each<[Partial<Rule>[], Request, string]>([
  [[{ name: "x", user: "git" }], login, 'rule "x"'],
  [
    [{ name: "x", action: "ask", remember: 600_000, approver: ["tmux"] }],
    login,
    'rule "x"; remembered for 10 minutes at most; answered by tmux alone',
  ],
  [
    [{ name: "no", host: "prod", action: "deny" }, {}],
    unknown,
    'rule "no"; this could be prod, which rule "no" denies; never remembered',
  ],
  [[], login, "the default"],
])("what decides, in words: %j", (rules, request, text) => {
  expect(describeRuling(evaluate(policy(rules), request, caller))).toBe(text);
});

/** What a policy says that its author can hardly mean. */
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../../src/policy/check.ts";
import type { Rule } from "../../src/policy/policy.ts";
import { policy } from "../support/policy.ts";

const warnings = (...rules: Partial<Rule>[]): [number, string][] =>
  checkPolicy(policy(rules))
    .filter(({ kind }) => kind === "warning")
    .map(({ rule, field, text }) => [rule, `${field ?? "rule"} ${text}`]);

describe("a rule is warned about", () => {
  it.each<[Partial<Rule>, RegExp]>([
    [{ host: "web1:2222" }, /^host never matches "web1:2222": a host has no port; say port = 2222/],
    [{ host: "*,![::1]:22" }, /a host has no port; say port = 22/],
    [{ host: "web1 web2" }, /a list is split at commas, not at blanks/],
    [{ host: "web1,git@github.com" }, /a host has no user; say user = "git"/],
    [{ host: "ssh://web1" }, /it is no name of a host/],
    [{ host_key: "MD5:00:11" }, /a fingerprint begins with SHA256:/],
    [{ host_key: "SHA256:a", verified: false }, /what is claimed has no host key/],
    [{ key: "~/.ssh/id_ed25519" }, /^key "~\/.ssh\/id_ed25519" is a path/],
    [{ key: "/home/me/.ssh/id" }, /is a path: a key goes by its fingerprint or comment/],
    [{ key: "work,id_ed25519.pub" }, /is a path/],
    [{ on: ["sign"], command: "id" }, /^command says nothing of "sign"; add "session" to on/],
    [{ on: ["session"], connect: "db:22" }, /^connect says nothing of "session"; add "forward" to on/],
    [{ on: ["admin"], host: "prod" }, /^host says nothing of "admin"/],
    [{ on: ["session"], namespace: "git" }, /^namespace says nothing of "session"; add "sign" to on/],
    [{ action: "deny", remember: 1000 }, /^remember says nothing where the action is "deny"/],
  ])("%j", (rule, text) => {
    expect(warnings(rule)).toEqual([[0, expect.stringMatching(text)]]);
  });
});

describe("a rule is not warned about", () => {
  it.each<Partial<Rule>>([
    { host: "*.example.com,!dev.example.com,::1,2001:db8::1,10.0.0.*", user: "git", port: 22 },
    { key: "work,SHA256:a/b,me@laptop" },
    { on: ["sign", "session"], command: "git-upload-pack *" },
    { command: "id" },
    { on: ["list"], key: "work", action: "deny" },
    { on: ["confirm"], forward: ["local"] },
    { action: "ask", remember: "never", timeout: 1000, approver: ["tmux"] },
  ])("%j", (rule) => {
    expect(warnings(rule)).toEqual([]);
  });
});

describe("a rule behind one that takes all of it", () => {
  const deny = { action: "deny" } as const;
  it.each<[Partial<Rule>, Partial<Rule>]>([
    [{ ...deny }, { host: "github.com" }],
    [{}, { host: "github.com", ...deny }],
    [{ host: "github.com" }, { host: "github.com", user: "git", ...deny }],
    [
      { on: ["sign", "session"], ...deny },
      { on: ["sign"], key: "work" },
    ],
    [{ command: "id" }, { command: "id", host: "prod" }],
  ])("never matches: %j, %j", (first, second) => {
    expect(warnings({ name: "first", ...first }, second)).toEqual([
      [1, 'rule never matches: rule "first" before it takes all of it'],
    ]);
  });

  it.each<[Partial<Rule>, Partial<Rule>]>([
    [{ host: "github.com" }, { host: "gitlab.com" }],
    [{ host: "github.com", user: "git" }, { host: "github.com" }],
    [{ on: ["sign"] }, { key: "work" }],
    [{ ...deny }, { on: ["list"], action: "allow" }],
    [{}, { on: ["confirm"], operation: ["trust-host-key"] }],
    [{ command: "tail *" }, { command: "tail *", ...deny }],
    [{ caller: "git" }, { caller: "git", ...deny }],
  ])("may match for all that: %j, %j", (first, second) => {
    expect(warnings(first, second)).toEqual([]);
  });
});

describe("what can't be said is noted", () => {
  const noted = (rules: Partial<Rule>[], fallback: "allow" | "deny" | "ask") =>
    checkPolicy(policy(rules, { default: fallback })).map(({ kind, rule, field, text }) => [
      kind,
      rule,
      field,
      text,
    ]);
  const noProd: Partial<Rule> = { name: "no prod", host: "prod", action: "deny" };

  it("with the rule behind it, or the default, that would allow it", () => {
    const rest: Partial<Rule> = { name: "rest", action: "allow" };
    expect(noted([noProd, rest], "deny")).toEqual([
      ["note", 0, "host", expect.stringMatching(/it is asked about where rule "rest" would allow it$/)],
    ]);
    expect(noted([noProd], "allow")).toEqual([
      ["note", 0, "host", expect.stringMatching(/it is asked about where the default would allow it$/)],
    ]);
    expect(noted([noProd], "deny")).toEqual([
      ["note", 0, "host", expect.stringMatching(/it is asked about or denied, as what comes later says$/)],
    ]);
  });

  it("and not of rules that allow, or say themselves what is to be proved", () => {
    expect(noted([{ host: "lab" }, { ...noProd, verified: true }], "allow")).toEqual([]);
  });
});

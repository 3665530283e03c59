/** What a policy says that its author can hardly mean. */
import { describe, expect, it, test } from "vitest";
import { checkApproved, checkPolicy } from "../../../src/policy/check/check.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import { policy, rule } from "../../support/policy.ts";

const warnings = (...rules: Partial<Rule>[]): [number, string][] =>
  checkPolicy(policy(rules.map((rule, at) => ({ name: `rule ${at}`, ...rule }))))
    .filter(({ kind }) => kind === "warning")
    .map(({ rule, field, text }) => [rule, `${field ?? "rule"} ${text}`]);

const FINGERPRINT = `SHA256:${"a/b+".repeat(10)}abc`;

describe("a rule is warned about", () => {
  it.each<[Partial<Rule>, RegExp]>([
    [{ host: "web1:2222" }, /^host never matches "web1:2222": a host has no port; say port = 2222/],
    [{ host: "*,![::1]:22" }, /a host has no port; say port = 22/],
    [{ host: "web1 web2" }, /a list is split at commas, not at blanks/],
    [{ host: "web1,git@github.com" }, /a host has no user; say user = "git"/],
    [{ host: "ssh://web1" }, /it is no name of a host/],
    [{ host_key: "MD5:00:11" }, /a fingerprint begins with SHA256:/],
    [{ host_key: FINGERPRINT, verified: false }, /what is claimed has no host key/],
    [{ key: "~/.ssh/id_ed25519" }, /^key "~\/.ssh\/id_ed25519" is a path/],
    [{ key: "/home/me/.ssh/id" }, /is a path: a key goes by its fingerprint or comment/],
    [{ key: "work,id_ed25519.pub" }, /is a path/],
    [{ on: ["sign"], command: "id" }, /^command says nothing of "sign"; add "session" to on/],
    [{ on: ["session"], connect: "db:22" }, /^connect says nothing of "session"; add "forward" to on/],
    [{ on: ["admin"], host: "prod" }, /^host says nothing of "admin"/],
    [{ on: ["session"], namespace: "git" }, /^namespace says nothing of "session"; add "sign" to on/],
    [{ host: "[::1]" }, /^host never matches "\[::1\]": an address stands without brackets/],
    [{ host: "web#1" }, /it is no name of a host/],
    [{ host: "web1,!web*" }, /^host never matches "web1": "!web\*" excludes it/],
    [{ user: "git@github.com" }, /^user never matches "git@github.com": .* say host = "github.com"/],
    [{ key: "SHA256:abc=" }, /^key never matches "SHA256:abc=": a fingerprint has 43 characters/],
    [{ host_key: "SHA256:a*" }, /^host_key never matches .* without patterns/],
    [
      { caller: "~/bin/deploy" },
      /^caller never matches "~\/bin\/deploy": the path of a program begins with \//,
    ],
    [{ programs: ["git"] }, /^programs never match "git"/],
    [{ connect: "db.internal" }, /^connect never matches .* as "db.internal:\*"/],
    [{ listen: "~/agent.sock" }, /^listen never matches .* begins with \//],
    [{ environment: "LANG=C" }, /^environment never matches .* by its name alone/],
    [
      { on: ["admin"], operation: ["add", "exit"] },
      /^operation never matches "exit": that is one of "terminate"/,
    ],
    [{ command: "id", subsystem: "sftp" }, /^subsystem never matches with a command/],
    [{ namespace: "git", host: "github.com" }, /^host never matches with a namespace/],
    [{ forward: ["stdio"], listen: "*:80" }, /^listen never matches: a "stdio" forward listens nowhere/],
    [
      { forward: ["dynamic"], connect: "db:22" },
      /^connect never matches: a "dynamic" forward leads anywhere/,
    ],
    [{ action: "deny", remember: 1000 }, /^remember says nothing where the action is "deny"/],
  ])("%j", (rule, text) => {
    expect(warnings(rule)).toEqual([[0, expect.stringMatching(text)]]);
  });
});

describe("a rule is not warned about", () => {
  it.each<Partial<Rule>>([
    { host: "*.example.com,!dev.example.com,::1,2001:db8::1,10.0.0.*", user: "git", port: 22 },
    { key: `work,${FINGERPRINT},me@laptop,SHA256:ab*` },
    { on: ["sign", "session"], command: "git-upload-pack *" },
    { command: "id" },
    { on: ["list"], key: "work", action: "deny" },
    { on: ["confirm"], forward: ["local"] },
    { action: "ask", remember: "never", timeout: 1000, approver: ["tmux"] },
    { host: "web*,!web1", user: "*,!root", caller: "git,/usr/bin/*,*/bin/make" },
    { host_key: `${FINGERPRINT}, ${FINGERPRINT}` },
    { on: ["confirm", "admin"], operation: ["add", "use-key"] },
    { connect: "db*,/run/x.sock,db:22,[::1]:80", listen: "*" },
    { forward: ["dynamic"], connect: "*" },
    { programs: ["/usr/bin/ssh", "(sshd)"], environment: "" },
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
    [{ host: "*" }, { host: "github.com,*.org" }],
    [{ host: "GitHub.com,gitlab.com" }, { host: "gitlab.com" }],
    [{ port: [22, 2222] }, { port: 2222 }],
    [{ ...deny, command: ["rm *", "id"] }, { command: ["rm -r x", "id"] }],
    [{ command: "tail *" }, { command: "tail -f x" }],
    [{ caller: "git" }, { caller: "/usr/bin/git" }],
    [{ scope: "*" }, { scope: "claude" }],
    [
      { on: ["forward"], forward: ["local", "remote"] },
      { on: ["forward"], forward: ["local"] },
    ],
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
    [{ host: "*,!prod" }, { host: "*,!prod", ...deny }],
    [{ host: "*,!prod" }, { host: "web1" }],
    [{ host: "web1" }, { host: "web*" }],
    [{ command: "tail *" }, { command: "tail x; rm y" }],
    [{ caller: "/usr/bin/git" }, { caller: "git" }],
    [{ scope: "*" }, { scope: "claude," }],
    [{ environment: "LC_*" }, { environment: "LC_ALL" }],
    [{ user: "git" }, { user: "Git" }],
  ])("may match for all that: %j, %j", (first, second) => {
    expect(warnings(first, second)).toEqual([]);
  });
});

test("a pattern takes a name, but for one that nobody can read", () => {
  expect(warnings({ name: "all", host: "*.example.com" }, { host: "db.example.com" })).toEqual([
    [
      1,
      expect.stringMatching(
        /"all" before it takes all of it, but for hosts that known_hosts has hashed alone$/,
      ),
    ],
  ]);
});

test("a name that another rule has", () => {
  const [found] = checkPolicy(policy([{ name: "x" }, { name: "x", host: "b" }])).filter(({ field }) => field);
  expect(found).toMatchObject({ kind: "warning", rule: 1, field: "name", other: 0 });
});

test("an approved rule that answers nothing", () => {
  const found = checkApproved([
    rule({ host: "a" }),
    rule({ host: "b", action: "deny" }),
    rule({ host: "c d" }),
  ]);
  expect(found).toMatchObject([
    { rule: 1, field: "action", text: expect.stringMatching(/^"deny" does nothing but/) },
    { rule: 2, field: "host" },
  ]);
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

/** Which keys a list shows. */
import { describe, expect, it } from "vitest";
import { describeRequest } from "../../src/policy/describe/request.ts";
import { evaluate } from "../../src/policy/evaluate.ts";
import { couldSign, type ListedFor, listRuling } from "../../src/policy/listing.ts";
import type { Rule } from "../../src/policy/policy.ts";
import type { Caller, KeyFacts, Request } from "../../src/policy/request.ts";
import { caller, github, login, policy, unverified } from "../support/policy.ts";

const work = login.key as KeyFacts;
const home: KeyFacts = { type: "ssh-ed25519", fingerprint: "SHA256:fingerprint-of-home", comment: "home" };
const anywhere: ListedFor = { path: [], forwarded: false };
const atGithub: ListedFor = { ...anywhere, destination: github };
const unknown: ListedFor = { ...anywhere, destination: unverified };
const far: ListedFor = { path: [github], forwarded: true };
const claude: Caller = { ...caller, run: { name: "claude", pid: 1 } };
const deny = { default: "deny" } as const;

const could = (rules: Partial<Rule>[], where = anywhere, key = work, by = caller, more = {}): boolean =>
  couldSign(policy(rules, { ...deny, ...more }), key, by, where);

describe("a key could be used", () => {
  it.each<[string, Partial<Rule>[], ListedFor?, KeyFacts?, Caller?]>([
    ["if a rule allows it", [{ key: "work" }]],
    ["if a rule asks about it", [{ key: "work", action: "ask" }]],
    ["if a rule allows logins to a host that is not known yet", [{ host: "github.com" }]],
    ["if a rule allows a user that is not known yet", [{ user: "git" }], atGithub],
    ["if a rule allows a purpose that is not known yet", [{ namespace: "git" }]],
    ["if a rule wants a proof that may come", [{ verified: true }]],
    ["at the host that a rule allows", [{ host: "github.com" }], atGithub],
    ["behind a denial that may be about something else", [{ host: "prod", action: "deny" }, {}]],
    ["behind a denial of another user", [{ user: "root", action: "deny" }, { host: "github.com" }], atGithub],
    ["behind a denial of another key", [{ key: "work", action: "deny" }, {}], anywhere, home],
    ["behind a denial of another kind", [{ on: ["session"], action: "deny" }, {}]],
    ["by the run that a rule names", [{ scope: "claude" }], anywhere, work, claude],
    ["over hops, if a rule allows that", [{ forwarded: true }], far],
  ])("%s", (_, rules, where, key, by) => {
    expect(could(rules, where, key, by)).toBe(true);
  });

  it("if the default allows it or asks", () => {
    for (const action of ["allow", "ask"] as const)
      expect(could([], anywhere, work, caller, { default: action })).toBe(true);
  });
});

describe("a key could not be used", () => {
  it.each<[string, Partial<Rule>[], ListedFor?, KeyFacts?, Caller?]>([
    ["if everything is denied", []],
    ["if a rule denies it whatever it is for", [{ key: "work", action: "deny" }, {}]],
    ["by a run that may use none", [{ scope: "claude", action: "deny" }, {}], anywhere, work, claude],
    ["if a rule allows another key", [{ key: "home" }]],
    ["if a rule allows another host than that", [{ host: "gitlab.com" }], atGithub],
    ["at a host that nobody has proved", [{ host: "github.com" }], unknown],
    ["at the host that a rule denies", [{ host: "github.com", action: "deny" }, {}], atGithub],
    ["for signatures alone, at a host", [{ namespace: "git" }], atGithub],
    ["if a rule allows sessions", [{ on: ["session"] }]],
    ["if a rule allows a command", [{ command: "git-upload-pack *" }]],
    ["if a rule allows another program", [{ caller: "/usr/bin/rsync" }]],
    ["over hops, if a rule allows what is not forwarded", [{ forwarded: false }], far],
  ])("%s", (_, rules, where, key, by) => {
    expect(could(rules, where, key, by)).toBe(false);
  });
});

describe("a list", () => {
  const shown = (rules: Partial<Rule>[], key = work) =>
    listRuling(policy(rules, deny), key, caller, anywhere);
  const lists = (fields: Partial<Rule>): Partial<Rule> => ({ name: "lists", on: ["list"], ...fields });

  it("shows the keys that could be used", () => {
    expect(shown([{ key: "work" }])).toEqual({ action: "allow", by: "default" });
    expect(shown([{ key: "work" }], home)).toEqual({ action: "deny", by: "default" });
  });

  it("shows what a rule on lists allows, and nothing that one denies, key by key", () => {
    expect(shown([lists({ action: "allow" })])).toEqual({ action: "allow", by: "rule:lists" });
    expect(shown([lists({ key: "work", action: "deny" }), { on: ["sign"] }]).action).toBe("deny");
    expect(shown([lists({ key: "work", action: "deny" }), { on: ["sign"] }], home).action).toBe("allow");
  });

  it("is not what a rule without a kind is about", () => {
    expect(shown([{ key: "work", action: "deny" }, lists({ action: "allow" })]).by).toBe("rule:lists");
  });

  const whole: Request = { kind: "list", path: [], forwarded: false };
  const judge = (rules: Partial<Rule>[]) => evaluate(policy(rules, deny), whole, caller);

  it("is asked about as a whole, where a rule asks about one of its keys", () => {
    const asking = lists({ key: "work", action: "ask", remember: 1000 });
    expect(shown([asking]).action).toBe("ask");
    expect(judge([asking])).toMatchObject({ action: "ask", by: "rule:lists", remember: 1000 });
  });

  it("is denied as a whole by no rule on one of its keys, nor by the default", () => {
    expect(judge([lists({ key: "work", action: "deny" })])).toEqual({ action: "allow", by: "default" });
    expect(judge([lists({ action: "deny" })])).toEqual({ action: "deny", by: "rule:lists" });
  });

  it("has words", () => {
    expect(describeRequest(whole)).toBe("list the keys of the agent");
    expect(describeRequest({ ...whole, key: work })).toBe('list key "work"');
  });
});

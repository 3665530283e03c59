import { expect, it } from "vitest";
import { type FleetRules, mergePolicy, revokedRule } from "../../src/fleet/policy/merged.ts";
import { mayAnswer } from "../../src/fleet/signed/principals.ts";
import type { Policy, Rule } from "../../src/policy/policy.ts";

const rule = (name: string, action: Rule["action"]): Rule => ({ name, action });
const own: Policy = { default: "allow", rules: [rule("own", "allow")], approved: [rule("always", "allow")] };
const theirs: FleetRules = {
  revoked: [rule("revoked", "deny")],
  rules: [rule("allowed", "allow"), rule("denied", "deny"), rule("asked", "ask")],
  isExpired: false,
  isDoubtful: false,
};
const names = (policy: Policy): string[] => policy.rules.map(({ name, action }) => `${action} ${name}`);

it("puts a fleet's rules before the machine's, and what is revoked before all", () => {
  const merged = mergePolicy(own, theirs, "before");
  expect(names(merged)).toEqual(["deny revoked", "allow allowed", "deny denied", "ask asked", "allow own"]);
  expect(merged).toMatchObject({ default: "allow", approved: own.approved });
});

it("puts them behind, but for what they deny: nobody overrules that on a machine", () => {
  expect(names(mergePolicy(own, theirs, "after"))).toEqual([
    "deny revoked",
    "deny denied",
    "allow own",
    "allow allowed",
    "ask asked",
  ]);
});

it("asks about what they allowed once they have run out, and denies what they denied", () => {
  expect(names(mergePolicy(own, { ...theirs, isExpired: true }, "before"))).toEqual([
    "deny revoked",
    "ask allowed (run out)",
    "deny denied",
    "ask asked",
    "allow own",
  ]);
});

it("asks about all that is allowed where nobody can say what they are", () => {
  expect(mergePolicy(own, { ...theirs, isDoubtful: true }, "before").isUnverified).toBe(true);
});

it("denies all on a machine that is revoked, and nothing on another one", () => {
  const said = { v: 1, kind: "revoke", sequence: 1, what: "machine", name: "a", lifted: false } as const;
  expect(revokedRule(said, "a")).toEqual({ name: "fleet: machine a is revoked", action: "deny" });
  expect(revokedRule(said, "b")).toBeUndefined();
});

it.each([
  [[], ["x"], true],
  [[["ops"]], ["alice", "ops"], true],
  [[["ops"], ["dev"]], ["alice", "ops"], false],
  [[["alice"]], ["x"], true],
  [[["ops"]], ["*"], true],
  [[["ops"]], undefined, true],
])("shows a question for %j to one who is %j: %s", (lists, principals, isShown) => {
  expect(mayAnswer(lists, "alice", principals)).toBe(isShown);
});

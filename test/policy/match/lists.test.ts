/** Every text field of a rule takes a text or a list. */
import { describe, expect, it, test } from "vitest";
import { matchRule } from "../../../src/policy/match/match.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import { policySchema } from "../../../src/policy/schema.ts";
import { caller, github, login } from "../../support/policy.ts";

function rule(fields: object): Rule {
  const named = { ...fields, name: "a rule", action: "allow" };
  return (policySchema.parse({ rule: [named] }).rule ?? [])[0] as Rule;
}
const matches = (fields: object, request: object = {}, by: object = {}): boolean =>
  matchRule(rule(fields), { ...login, ...request }, { ...caller, ...by }) === "yes";
const { data: _, key: __, ...place } = login;
const session = (command: string) => ({ ...place, kind: "session", command, data: undefined });

describe("a list matches what one of its entries does", () => {
  it.each<[object, object?, object?]>([
    [{ host: ["prod", "github.com"] }],
    [{ host: ["prod,github.com"] }],
    [{ host: ["*", "!prod"] }],
    [{ port: [22, 2222] }],
    [{ host_key: ["SHA256:another", github.hostKey] }],
    [{ user: ["root", "git"] }],
    [{ key: ["home", "work"] }],
    [{ namespace: ["file", "git"] }, { data: "sshsig", namespace: "git" }],
    [{ command: ["true", "echo *"], on: ["session"] }, session("echo in")],
    [{ command: ["true", "echo a,b"] }, session("echo a,b")],
    [{ subsystem: ["netconf", "sftp"] }, { ...session(""), command: undefined, subsystem: "sftp" }],
    [{ environment: ["LANG", "LC_*"] }, { ...session("id"), environment: ["LANG", "LC_ALL"] }],
    [
      { listen: ["*:80", "*:8080"] },
      { ...place, kind: "forward", forward: { kind: "remote", listen: "*:80" } },
    ],
    [{ caller: ["/usr/bin/rsync", "/usr/bin/git"] }],
    [{ scope: ["claude", "make"] }, {}, { run: { name: "make", pid: 1 } }],
    [{ scope: ["", "claude"] }],
    [{ scope: ["", "claude"] }, {}, { run: { name: "claude", pid: 1 } }],
  ])("%j", (fields, request, by) => {
    expect(matches(fields, request, by)).toBe(true);
  });
});

describe("and nothing else", () => {
  it.each<[object, object?, object?]>([
    [{ host: ["prod", "lab"] }],
    [{ host: ["*", "!github.com"] }],
    [{ port: [80, 443] }],
    [{ host_key: ["SHA256:another", "SHA256:one"] }],
    [{ command: ["true", "echo *"] }, session("echo in; id")],
    [{ command: ["true,id"] }, session("id")],
    [{ scope: ["", "claude"] }, {}, { run: { name: "make", pid: 1 } }],
    [{ scope: ["claude"] }],
  ])("%j", (fields, request, by) => {
    expect(matches(fields, request, by)).toBe(false);
  });
});

test.each<[string, unknown]>([
  ["host", []],
  ["host", ["a", ""]],
  ["host", ["!a", "!b"]],
  ["command", []],
  ["port", []],
  ["port", [0]],
  ["user", [["a"]]],
])("%s = %j is a mistake", (field, value) => {
  expect(policySchema.safeParse({ rule: [{ [field]: value, action: "allow" }] }).success).toBe(false);
});

test("programs are a line, and not one of several", () => {
  const line = { programs: ["/usr/bin/ssh", "/usr/bin/git"] };
  expect(matches(line, {}, { ancestors: caller.ancestors.slice(0, 1) })).toBe(true);
  expect(matches({ programs: ["/usr/bin/git", "/usr/bin/ssh"] })).toBe(false);
});

import { describe, expect, test } from "vitest";
import { matchRule } from "../../../src/policy/match/match.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import { type Caller, type Request, requestKinds } from "../../../src/policy/request.ts";
import * as base from "../../support/policy.ts";

interface Row {
  says: string;
  rule: Partial<Rule>;
  request?: Partial<Request>;
  caller?: Partial<Caller>;
  matches: boolean;
}

const yes = (
  says: string,
  rule: Partial<Rule>,
  request?: Partial<Request>,
  caller?: Partial<Caller>,
): Row => ({
  says,
  rule,
  ...(request && { request }),
  ...(caller && { caller }),
  matches: true,
});
const no = (...args: Parameters<typeof yes>): Row => ({ ...yes(...args), matches: false });

function checks(title: string, rows: Row[]): void {
  describe(title, () => {
    test.each(rows)("$says", ({ rule, request = {}, caller = {}, matches }) => {
      const asked = { ...base.login, ...request };
      expect(matchRule(base.rule(rule), asked, { ...base.caller, ...caller }) === "yes").toBe(matches);
    });
  });
}

const { github, unverified } = base;
const claiming = { destination: { ...unverified, claimed: "github.com" } };
const withoutHost: Partial<Request> = { destination: undefined } as unknown as Partial<Request>;

checks("a rule without fields", [
  yes("matches any request", {}),
  yes("matches an unverified one", {}, { destination: unverified }),
  yes("matches one without a host", {}, withoutHost),
]);

checks("a rule for kinds of request", [
  yes("matches each kind that it names", { on: ["session", "sign"] }),
  no("does not match another kind", { on: ["session", "admin"] }),
  ...requestKinds.map((kind) => yes(`can name ${kind}`, { on: [kind] }, { kind })),
]);

checks("a rule for a host", [
  yes("matches its name", { host: "github.com" }),
  yes("matches a pattern of it", { host: "git*.com" }),
  yes("does not regard case", { host: "GitHub.COM" }),
  no("does not match another name", { host: "gitlab.com" }),
  no(
    "does not match a name that only contains it",
    { host: "github.com" },
    { destination: { ...github, names: ["github.com.evil.example"] } },
  ),
  yes(
    "matches any of the host's names",
    { host: "gh" },
    { destination: { ...github, names: ["github.com", "gh"] } },
  ),
  no("does not match a request without a host", { host: "*" }, withoutHost),
  no(
    "does not match an unverified request, whatever the pattern",
    { host: "*" },
    { destination: unverified },
  ),
  no("does not match what the caller claims", { host: "github.com" }, claiming),
  no(
    "does not match what the caller claims where it asks for proof",
    { host: "github.com", verified: true },
    claiming,
  ),
  no(
    "does not match a verified host by what the caller claims",
    { host: "prod" },
    { destination: { ...github, claimed: "prod" } },
  ),
  no(
    "does not match a verified host without names",
    { host: "*" },
    { destination: { ...github, names: [] } },
  ),
  no("to deny does not match an unverified request either", { host: "*", action: "deny" }, claiming),
]);

checks("a rule for unverified requests", [
  yes("matches what the caller claims", { host: "github.com", verified: false }, claiming),
  no("does not match another claim", { host: "gitlab.com", verified: false }, claiming),
  no("does not match where nothing is claimed", { host: "*", verified: false }, { destination: unverified }),
  yes(
    "matches where nothing is claimed, if it names no host",
    { verified: false },
    { destination: unverified },
  ),
  no("does not match a verified host", { host: "github.com", verified: false }),
  no("does not match a request without a host", { verified: false }, withoutHost),
  yes("that asks for proof matches a verified host", { verified: true }),
  no(
    "that asks for proof does not match an unverified host",
    { verified: true },
    { destination: unverified },
  ),
  no("that asks for proof does not match a request without a host", { verified: true }, withoutHost),
]);

const aliases = { destination: { ...github, names: ["db.example.com", "db.dev.example.com"] } };

checks("a host with a name that is excluded", [
  no("is not allowed", { host: "*.example.com,!*.dev.example.com", action: "allow" }, aliases),
  yes("is denied by its other name", { host: "*.example.com,!*.dev.example.com", action: "deny" }, aliases),
  yes("is asked for by its other name", { host: "*.example.com,!*.dev.example.com", action: "ask" }, aliases),
  no("is not denied if it has no other name", { host: "*,!github.com", action: "deny" }),
  no("is not allowed if it has no other name", { host: "*,!github.com", action: "allow" }),
]);

checks("a rule for a port", [
  yes("matches the port that is proven", { port: 22 }),
  no("does not match another port", { port: 2222 }),
  no(
    "does not match where the port is unknown",
    { port: 22 },
    { destination: { ...github, port: undefined } as never },
  ),
  no("does not match an unverified request", { port: 22 }, { destination: { ...unverified, port: 22 } }),
  yes(
    "matches an unverified request if it says so",
    { port: 22, verified: false },
    { destination: { ...unverified, port: 22 } },
  ),
  no("does not match a request without a host", { port: 22 }, withoutHost),
  no("matches only together with its host", { host: "gitlab.com", port: 22 }),
]);

checks("a rule for forwarded requests", [
  yes("matches one", { forwarded: true }, { forwarded: true }),
  no("does not match another", { forwarded: true }),
  yes("that excludes them matches another", { forwarded: false }),
  no("that excludes them does not match one", { forwarded: false }, { forwarded: true }),
]);

checks("a rule for a user", [
  yes("matches the user", { user: "git" }),
  yes("matches a list", { user: "deploy,git" }),
  no("does not match another", { user: "root" }),
  no("regards case", { user: "Git" }),
  no("does not match an excluded one", { user: "*,!git" }),
  no("does not match a request without one", { user: "*" }, { user: undefined } as never),
]);

checks("a rule for a key", [
  yes("matches its comment", { key: "work" }),
  yes("matches its fingerprint", { key: "SHA256:fingerprint-of-*" }),
  no("does not match another", { key: "private" }),
  no("does not match its type", { key: "ssh-ed25519" }),
  no("does not match a request without a key", { key: "*" }, { key: undefined } as never),
  no("to allow does not match one that is excluded by its comment", { key: "*,!work", action: "allow" }),
  no("to allow does not match one that is excluded by its fingerprint", {
    key: "*,!SHA256:*",
    action: "allow",
  }),
  yes("to deny matches one by its comment", { key: "work,!SHA256:*", action: "deny" }),
]);

checks("a rule for a namespace", [
  yes("matches it", { namespace: "git" }, base.gitSignature),
  no("does not match another", { namespace: "file" }, base.gitSignature),
  no("does not match a login", { namespace: "*" }),
]);

const adding: Partial<Request> = { kind: "admin", operation: "add" };

checks("a rule for operations", [
  yes("matches one that it names", { operation: ["add", "remove"] }, adding),
  no("does not match another", { operation: ["lock"] }, adding),
  no("does not match a signature", { operation: ["add"] }),
]);

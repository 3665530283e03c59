/** What git claims: it narrows what is allowed, and nothing that is denied rests on it. */
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../../../src/policy/check/check.ts";
import { coverage, denialCoverage } from "../../../src/policy/coverage.ts";
import { describeQuestion } from "../../../src/policy/describe/question.ts";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { couldSign } from "../../../src/policy/listing.ts";
import { matchRule } from "../../../src/policy/match/match.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Question } from "../../../src/policy/question.ts";
import type { KeyFacts, Request } from "../../../src/policy/request.ts";
import { caller, gitSignature, login, policy, rule } from "../../support/policy.ts";

const app = { ...gitSignature, repository: "/home/me/src/app", branch: "main" };
const file = { ...gitSignature, namespace: "file" };
const question: Question = {
  id: "abc123",
  request: app,
  caller,
  because: "default",
  count: 1,
  choices: ["once", { milliseconds: 600_000 }],
  yes: "once",
  denyFor: 600_000,
  asked: "2026-11-22T10:00:00Z",
  timeout: 60_000,
};
const opaque: Request = { kind: "sign", data: "opaque", path: [], forwarded: false };

describe("a rule that allows, by repository and branch", () => {
  it.each<[string, Partial<Rule>, Request, string]>([
    ["matches the repository", { repository: "/home/me/src/app" }, app, "yes"],
    ["matches a pattern of its path", { repository: "/home/me/src/*" }, app, "yes"],
    ["matches both", { repository: "/home/me/src/app", branch: "main,next" }, app, "yes"],
    ["does not match another repository", { repository: "/home/me/src/ap" }, app, "no"],
    ["does not match another branch", { repository: "/home/me/src/*", branch: "next" }, app, "no"],
    ["does not match a branch that is excluded", { branch: "*,!main" }, app, "no"],
    ["does not match where git says nothing", { repository: "*" }, gitSignature, "no"],
    [
      "does not match a branch that is not known",
      { branch: "*" },
      { ...gitSignature, repository: "/a" },
      "no",
    ],
    ["does not match signatures for something else", { repository: "*" }, file, "no"],
    ["does not match a login", { repository: "*" }, login, "no"],
    ["does not match data of unknown shape", { repository: "*" }, opaque, "no"],
  ])("%s", (_, fields, request, match) => {
    expect(matchRule(rule(fields), request, caller)).toBe(match);
  });

  it("shows the keys that it could be for in a list", () => {
    const rules = policy([{ repository: "/home/*" }], { default: "deny" });
    const where = { path: [], forwarded: false, signsOnly: true as const };
    expect(couldSign(rules, gitSignature.key as KeyFacts, caller, where)).toBe(true);
  });
});

describe.each(["deny", "ask"] as const)("a rule that says %s, by repository", (action) => {
  const match = (fields: Partial<Rule>, request: Request) =>
    matchRule(rule({ ...fields, action }), request, caller);

  it("matches a claim that fits, and stays open for any other signature for git", () => {
    expect(match({ repository: "/home/me/src/app" }, app)).toBe("yes");
    for (const other of [{ ...app, repository: "/tmp/x" }, gitSignature])
      expect(match({ repository: "/home/me/src/app" }, other)).toBe("unsaid");
    expect(match({ branch: "main" }, { ...app, branch: "other" })).toBe("unsaid");
  });

  it("does not match what is not for git, as what is signed says by itself", () => {
    for (const other of [file, login]) expect(match({ repository: "*" }, other)).toBe("no");
  });
});

it("is asked about where a denied repository may be meant, and says why", () => {
  const rules = policy([
    { name: "no prod", repository: "/srv/prod", action: "deny" },
    { name: "all", namespace: "git" },
  ]);
  expect(evaluate(rules, app, caller)).toMatchObject({
    action: "ask",
    remember: 0,
    doubt: { rule: "no prod", action: "deny", unknown: { repository: "/srv/prod" } },
  });
});

describe("an approval", () => {
  it("of one repository and branch is none of another", () => {
    const covered = [app, { ...app, repository: "/other" }, { ...app, branch: "x" }, gitSignature].map(
      (one) => coverage(one, caller, undefined),
    );
    expect(new Set(covered).size).toBe(4);
  });

  it("that was denied stands for all that can be claimed instead", () => {
    expect(denialCoverage({ ...app, branch: "x" }, caller, undefined)).toBe(
      denialCoverage(app, caller, undefined),
    );
  });
});

it("is shown as claimed, so that no screen obeys it", () => {
  const remote = "git@host:a\u001b[2J";
  const lines = describeQuestion({ ...question, request: { ...app, remote } });
  expect(lines).toContain(
    'git claims: repository "/home/me/src/app", branch "main", remote "git@host:a\\x1b[2J"',
  );
  expect(lines.at(-1)).toMatch(/: signatures for this purpose, where git says this repository and branch, /);
});

describe("policy check", () => {
  const found = (fields: Partial<Rule>) => checkPolicy(policy([fields])).map(({ text }) => text);

  it("tells of a repository that is no path, and of what never is for git", () => {
    expect(found({ repository: "github.com/me/app" })).toEqual([
      expect.stringContaining("the path of a folder"),
    ]);
    expect(found({ branch: "main", namespace: "file" })).toEqual([expect.stringContaining("leaves out git")]);
    expect(found({ on: ["session"], repository: "/a" })).toEqual([
      expect.stringContaining('add "sign" to on'),
    ]);
    expect(found({ repository: "/a,/b", branch: "main", namespace: "git" })).toEqual([]);
  });

  it("says what becomes of a signature that may be for a denied repository", () => {
    const rules = policy([{ repository: "/a", action: "deny" }, { name: "all" }]);
    expect(checkPolicy(rules).map(({ kind, text }) => [kind, text])).toEqual([
      ["note", expect.stringContaining("what git says of its repository is claimed")],
    ]);
  });
});

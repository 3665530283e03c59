/** Which of its fields keep a rule from matching: read from the table that matches. */
import { describe, expect, it, test } from "vitest";
import { matchFields, matchRule } from "../../../src/policy/match/match.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Request } from "../../../src/policy/request.ts";
import { ruleFields } from "../../../src/policy/schema.ts";
import { caller, login, rule, unverified } from "../../support/policy.ts";

const { data: _, key: __, ...place } = login;
const session: Request = { ...place, kind: "session", command: "uptime" };
const unknown: Request = { ...login, destination: unverified };
const opaque: Request = { kind: "confirm", data: "opaque", path: [], forwarded: false };

const told = (fields: Partial<Rule>, request: Request): string[] =>
  matchFields(rule(fields), request, caller).map(({ field, match }) => `${field} ${match}`);

describe("what came of a rule's fields", () => {
  it.each<[string, Partial<Rule>, Request, string[]]>([
    ["all that it names match", { host: "github.com", user: "git" }, login, ["host yes", "user yes"]],
    ["one does not", { host: "github.com", user: "root" }, login, ["host yes", "user no"]],
    ["several do not", { on: ["session"], caller: "make" }, login, ["on no", "caller no"]],
    ["nobody can say it", { host: "prod", action: "deny" }, unknown, ["host unsaid"]],
    ["nobody can say it, to allow", { host: "prod" }, unknown, ["host unsaid"]],
    ["it is about another kind", { command: "uptime" }, login, ["command no"]],
    ["lists have to be named", { host: "github.com" }, { ...login, kind: "list" }, ["on no", "host yes"]],
    ["what a narrow rule leaves out", { command: "*" }, { ...session, x11: true }, ["command yes", "x11 no"]],
    [
      "whom to trust is to be named",
      {},
      { ...place, kind: "confirm", operation: "trust-host-key" },
      ["operation no"],
    ],
    ["a question that can't be read", { host: "prod", action: "deny" }, opaque, ["host unsaid"]],
    ["such a question, to allow", { host: "prod", on: ["confirm"] }, opaque, ["on yes", "host no"]],
    ["such a question, where nothing is named", {}, opaque, ["on no"]],
  ])("%s", (_name, fields, request, expected) => {
    expect(told(fields, request)).toEqual(expected);
  });
});

/** Which say what is answered, and match nothing. */
const ofAnswer = ["name", "action", "remember", "timeout", "approver", "approvals", "signers"];

test("every field of a rule is matched, or is about the answer", () => {
  const lists = ["on", "operation", "forward", "programs"];
  const anything: Partial<Rule> = Object.fromEntries(
    ruleFields.map((field) => [field, lists.includes(field) ? ["nothing"] : "nothing"]),
  );
  for (const request of [login, session, opaque]) {
    const matched = matchFields({ ...rule({}), ...anything, action: "deny" }, request, caller);
    expect(new Set([...matched.map(({ field }) => field), ...ofAnswer])).toEqual(new Set(ruleFields));
  }
});

test("the fields say together what the rule says", () => {
  for (const action of ["allow", "deny", "ask"] as const)
    for (const request of [login, session, unknown, opaque])
      for (const fields of [
        { host: "github.com" },
        { user: "root" },
        { caller: "git" },
        { command: "up*" },
      ]) {
        const one = rule({ ...fields, action });
        const all = matchFields(one, request, caller).map(({ match }) => match);
        const together = all.includes("no") ? "no" : all.includes("unsaid") ? "unsaid" : "yes";
        const closed = together === "unsaid" && action === "allow" ? "no" : together;
        expect(matchRule(one, request, caller)).toBe(closed);
      }
});

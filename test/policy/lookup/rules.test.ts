/** Looking up finds what looking at each rule finds, in the same order. */
import { describe, expect, test } from "vitest";
import { evaluate } from "../../../src/policy/evaluate.ts";
import { fieldsToLookUp } from "../../../src/policy/lookup/by.ts";
import { meetRules } from "../../../src/policy/lookup/rules.ts";
import { matchRule, type Settled, settled, settledYet } from "../../../src/policy/match/match.ts";
import type { Match } from "../../../src/policy/match/result.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import type { Caller, Request } from "../../../src/policy/request.ts";
import { caller, github, login, policy } from "../../support/policy.ts";
import { Chance, randomCaller, randomRequest, randomRule } from "./random.ts";

const POLICIES = 200;
const RULES = 30;
const REQUESTS = 30;
const TIMEOUT = 300_000;

type Asked = [request: Request, caller: Caller, isSettled: Settled];
type Found = [name: string, match: Match];

function met(rules: readonly Rule[], ...asked: Asked): Found[] {
  const found: Found[] = [];
  meetRules(rules, ...asked, ({ name }, match) => {
    found.push([name, match]);
    return false;
  });
  return found;
}

/** By the table that `policy explain` reads. */
function matched(rules: readonly Rule[], ...asked: Asked): Found[] {
  const all = rules.map((rule): Found => [rule.name, matchRule(rule, ...asked)]);
  return all.filter(([, match]) => match !== "no");
}

test(`${POLICIES * RULES * REQUESTS * 2} times, by chance`, { timeout: TIMEOUT }, () => {
  const chance = new Chance(14);
  const counts = new Map<string, number>();
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  for (let at = 0; at < POLICIES; at++) {
    const rules = Array.from({ length: RULES }, (_, place) => randomRule(chance, place));
    for (let time = 0; time < REQUESTS; time++) {
      const [request, by] = [randomRequest(chance), randomCaller(chance)];
      for (const isSettled of [settled, settledYet]) {
        const found = met(rules, request, by, isSettled);
        const wanted = matched(rules, request, by, isSettled);
        if (JSON.stringify(found) !== JSON.stringify(wanted))
          expect({ rules, request, by, found }).toEqual({ rules, request, by, found: wanted });
        for (const [name, match] of wanted) {
          const rule = rules.find((one) => one.name === name);
          for (const { field } of fieldsToLookUp) if (rule?.[field] !== undefined) count(`${field} ${match}`);
        }
      }
    }
  }
  // else it has shown nothing
  const all = [...fieldsToLookUp.map(({ field }) => `${field} yes`), "host unsaid", "caller unsaid"];
  expect(all.filter((what) => (counts.get(what) ?? 0) < 100)).toEqual([]);
});

/** Enough of them to be looked up. */
const many = Array.from({ length: 100 }, (_, at) => ({ host: `web${at}`, user: `user${at}` }));
const session: Request = { ...login, kind: "session", command: "id" };
const at = (...names: string[]): Request => ({ ...login, destination: { ...github, names } });

describe("a request that wants to slip past a rule", () => {
  const rows: [string, Partial<Rule>, Request, Caller?][] = [
    ["a host called like what each object has", { host: "__proto__" }, at("__proto__")],
    ["a host in another case", { host: "Prod" }, at("pROD")],
    ["a host behind others that it also has", { host: "prod" }, at("lab", "prod")],
    [
      "a host whose name no one can read",
      { host: "prod" },
      {
        ...login,
        destination: { ...github, unread: { has: (name) => name === "prod" } },
      },
    ],
    ["a host by its end", { host: "*.prod.example" }, at("a.prod.example")],
    ["a host by its beginning and its end", { host: "a*.example" }, at("a.prod.example")],
    ["a command with a comma", { command: "id a,b" }, { ...session, command: "id a,b" }],
    ["a command that is called like a wildcard", { command: "id *" }, { ...session, command: "id *" }],
    ["a long command", { command: "*; id" }, { ...session, command: `${"x; id ".repeat(40_000)}; id` }],
    ["a program by its name", { caller: "git" }, login],
    ["a program by its folder", { caller: "/usr/bin/g*" }, login],
    ["a run without a name", { scope: "" }, login],
  ];
  test.each(rows)("%s", (_, fields, request, by = caller) => {
    const rules = policy([...many, { ...fields, action: "deny", name: "no" }, {}]);
    expect(evaluate(rules, request, by)).toEqual({ action: "deny", by: "rule:no" });
  });
});

test("a rule that may be meant stays open among many", () => {
  const rules = policy([...many, { host: "prod", action: "deny", name: "no prod" }, { name: "all" }]);
  const nowhere: Request = { ...login, destination: { verified: false, names: [], how: "no session-bind" } };
  expect(evaluate(rules, nowhere, caller)).toMatchObject({ action: "ask", doubt: { rule: "no prod" } });
});

test("one rule with very many hosts is read as any other", () => {
  const hosts = Array.from({ length: 200_000 }, (_, number) => `h${number}`).join();
  const rules = policy([...many, { host: hosts, action: "deny", name: "no" }, {}]);
  expect(evaluate(rules, at("h199999"), caller)).toEqual({ action: "deny", by: "rule:no" });
  expect(evaluate(rules, at("h200000"), caller)).toMatchObject({ action: "allow" });
});

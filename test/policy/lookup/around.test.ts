/** `policy check` of many rules tells of the same ones as of each two of them. */
import { expect, test } from "vitest";
import { checkPolicy } from "../../../src/policy/check/check.ts";
import type { Rule } from "../../../src/policy/policy.ts";
import { policy } from "../../support/policy.ts";
import { Chance, randomRule } from "./random.ts";

const POLICIES = 40;
const RULES = 30;

/** By the place of a rule, that of the one before it that takes all of it. */
function taken(rules: readonly Rule[]): [rule: number, by: number][] {
  const remarks = checkPolicy(policy(rules as Rule[])).filter(({ field }) => field === undefined);
  return remarks.flatMap(({ rule, other }) => (other === undefined ? [] : [[rule, other]]));
}

test("a rule that another one takes is told of, wherever that stands", { timeout: 120_000 }, () => {
  const chance = new Chance(13);
  let count = 0;
  for (let at = 0; at < POLICIES; at++) {
    const rules = Array.from({ length: RULES }, (_, place) => randomRule(chance, place));
    const wanted = rules.flatMap((second, place) => {
      const by = rules.slice(0, place).findIndex((first) => taken([first, second]).length > 0);
      return by < 0 ? [] : [[place, by]];
    });
    expect(taken(rules)).toEqual(wanted);
    count += wanted.length;
  }
  expect(count).toBeGreaterThan(100);
});

/** Enough of them to be looked up. */
const many = Array.from({ length: 100 }, (_, at) => ({ host: `web${at}`, caller: `x${at}`, name: `${at}` }));

test.each<[Partial<Rule>, Partial<Rule>]>([
  [{ caller: "git" }, { caller: "/usr/bin/git" }],
  [{ host: "*.example" }, { host: "a.example", verified: false }],
  [{ host: "A.example" }, { host: "a.EXAMPLE" }],
  [{ command: "id *" }, { command: "id *", on: ["session", "sign"] }],
  [{ programs: ["/usr/bin/a?"] }, { programs: ["/usr/bin/a?"], host: "a" }],
  [{ scope: "" }, { scope: "", host: "a" }],
])("among many: %j takes %j", (first, second) => {
  const { rules } = policy([...many, { ...first, name: "first" }, { ...second, name: "second" }]);
  expect(taken(rules)).toEqual([[101, 100]]);
});

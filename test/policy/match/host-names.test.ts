import { describe, expect, it } from "vitest";
import { matchNames } from "../../../src/policy/match/host-names.ts";
import type { Rule } from "../../../src/policy/policy.ts";

/** One readable name, and one on a hashed line. */
const host = { names: ["10.0.0.5"], unread: { has: (name: string) => name === "db.prod.example" } };

describe("a rule on a host that has a hashed name, too", () => {
  it.each<[Rule["action"], string, string]>([
    ["deny", "db.prod.example", "yes"],
    ["deny", "DB.prod.example", "yes"],
    ["deny", "web.example", "no"],
    ["deny", "*.prod.example", "unsaid"],
    ["deny", "web.example,*.prod.example", "unsaid"],
    ["deny", "10.0.0.*", "yes"],
    ["ask", "db?prod.example", "unsaid"],
    ["allow", "db.prod.example", "yes"],
    ["allow", "*.prod.example", "no"],
    ["allow", "10.0.0.5,!db.prod.example", "no"],
    ["allow", "10.0.0.5,!db.*", "unsaid"],
    ["allow", "*,!web.example", "yes"],
  ])("%s host = %j: %s", (action, list, result) => {
    expect(matchNames({ name: "rule", action, host: list }, list, host)).toBe(result);
  });
});

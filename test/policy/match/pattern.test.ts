import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ListMatch, matchHost, matchList, matchPattern } from "../../../src/policy/match/pattern.ts";

describe("a pattern", () => {
  const rows: [string, string, boolean][] = [
    // pattern, text, whether it matches
    ["", "", true],
    ["", "a", false],
    ["a", "", false],
    ["a", "a", true],
    ["a", "b", false],
    ["a", "aa", false],
    ["A", "a", false],
    ["?", "a", true],
    ["?", "", false],
    ["?", "ab", false],
    ["??", "ab", true],
    ["*", "", true],
    ["*", "anything at all", true],
    ["**", "a", true],
    ["*?", "", false],
    ["?*", "a", true],
    ["*.co.uk", "example.co.uk", true],
    ["*.co.uk", ".co.uk", true],
    ["*.co.uk", "co.uk", false],
    ["*.co.uk", "example.co.uk.evil.example", false],
    ["192.168.0.?", "192.168.0.7", true],
    ["192.168.0.?", "192.168.0.17", false],
    ["git-*-pack *", "git-upload-pack 'repo'", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*ab", "aab", true],
    ["*aab", "aaab", true],
    ["a.c", "abc", false],
    ["a+", "aa", false],
    ["[ab]", "a", false],
    ["[ab]", "[ab]", true],
    ["\\*", "*", false],
    ["!a", "a", false],
    ["!a", "!a", true],
    ["a,b", "a", false],
    ["a*", "a\nb", true],
  ];

  test.each(rows)("%j against %j: %j", (pattern, text, expected) => {
    expect(matchPattern(text, pattern)).toBe(expected);
  });

  const alphabet = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 12 });
  const plain = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 16 });

  test("matches what a regular expression of the same meaning does", () => {
    fc.assert(
      fc.property(plain, alphabet, (text, pattern) => {
        const expression = pattern.replaceAll("*", ".*").replaceAll("?", ".");
        expect(matchPattern(text, pattern)).toBe(new RegExp(`^${expression}$`, "s").test(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("matches itself, and everything between two stars", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (before, text, after) => {
        expect(matchPattern(text, text)).toBe(true);
        expect(matchPattern(before + text + after, `*${text}*`)).toBe(true);
      }),
    );
  });

  test("is done with in time, however hostile pattern and text are", () => {
    const text = "a".repeat(20_000);
    expect(matchPattern(text, `${"*a".repeat(500)}*b`)).toBe(false);
    expect(matchPattern(`${text}b`, `${"a*".repeat(500)}b`)).toBe(true);
    expect(matchPattern(text, `${"?*".repeat(500)}b`)).toBe(false);
  });
});

describe("a list", () => {
  const rows: [string, string, ListMatch][] = [
    ["a,b", "a", "yes"],
    ["a,b", "b", "yes"],
    ["a,b", "c", "no"],
    ["a, b", "b", "yes"],
    ["!a", "b", "no"],
    ["!a", "a", "negated"],
    ["*,!a", "b", "yes"],
    ["*,!a", "a", "negated"],
    ["!a,*", "a", "negated"],
    ["a,!a", "a", "negated"],
    ["*.example.com,!*.dev.example.com", "db.example.com", "yes"],
    ["*.example.com,!*.dev.example.com", "db.dev.example.com", "negated"],
    ["*.example.com,!*.dev.example.com", "db.example.org", "no"],
    ["*, !a", "a", "negated"],
    ["!*,a", "a", "negated"],
  ];

  test.each(rows)("%j against %j: %s", (list, text, expected) => {
    expect(matchList(text, list)).toBe(expected);
  });

  test("does not regard case for host names, and does elsewhere", () => {
    expect(matchHost("GitHub.com", "github.COM")).toBe("yes");
    expect(matchHost("db.DEV.example.com", "*,!*.dev.Example.com")).toBe("negated");
    expect(matchList("GitHub.com", "github.com")).toBe("no");
  });

  test("never says yes where a negated pattern matches, wherever it stands", () => {
    const items = fc.array(
      fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), minLength: 1, maxLength: 4 }),
    );
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 4 });
    fc.assert(
      fc.property(items, items, text, (before, after, name) => {
        expect(matchList(name, [...before, `!${name}`, ...after].join(","))).toBe("negated");
      }),
    );
  });

  test("says what its items say one after the other, be it long or taken apart before", () => {
    const unit = fc.constantFrom("a", "b", "*", "?", "!", " ");
    const list = fc.array(fc.string({ unit, maxLength: 4 }), { minLength: 1, maxLength: 20 });
    const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "!"), maxLength: 4 });
    fc.assert(
      fc.property(list, fc.array(text), (items, texts) => {
        for (const one of texts) expect(matchList(one, items.join())).toBe(oneByOne(one, items));
      }),
      { numRuns: 5000 },
    );
  });
});

/** match_pattern_list() as it stands there. */
function oneByOne(text: string, items: readonly string[]): ListMatch {
  let result: ListMatch = "no";
  for (const item of items) {
    const [pattern, isNegated] = [item.trim().replace(/^!/, ""), item.trim().startsWith("!")];
    if (!matchPattern(text, isNegated ? pattern.trimStart() : pattern)) continue;
    if (isNegated) return "negated";
    result = "yes";
  }
  return result;
}

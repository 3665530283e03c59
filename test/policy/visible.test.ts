import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonOnScreen, onScreen, visible, visibleEnds } from "../../src/policy/visible.ts";

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.array(fc.nat(0xffff), { maxLength: 300 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: fc.constantFrom("\x9b", "\udc9b", "\udcff", "\xff", "a", "\\x9b") }),
  fc.string({ unit: fc.constantFrom("\x1b", "\n", "\u202e", "\ud83d", "🔑", "a", "\\"), maxLength: 300 }),
);
const control = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

describe("text from a request", () => {
  const shown: [string, string, string][] = [
    ["plain words", "git@github.com: a key", "git@github.com: a key"],
    ["letters of any script", "ключ 鍵 مفتاح café", "ключ 鍵 مفتاح café"],
    ["an emoji", "key 🔑", "key 🔑"],
    ["a newline", "one\ntwo", "one\\ntwo"],
    ["a carriage return", "one\rtwo", "one\\x0dtwo"],
    ["a tab", "one\ttwo", "one\\ttwo"],
    ["a NUL", "a\0b", "a\\x00b"],
    ["a delete", "a\x7f", "a\\x7f"],
    ["a C1 control", "a\x9bm", "a\\u{9b}m"],
    ["an escape sequence", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"],
    ["a title sequence", "\x1b]0;title\x07", "\\x1b]0;title\\x07"],
    ["a backslash, so that an escape can't be imitated", "a\\nb", "a\\\\nb"],
    ["a right-to-left override", "evil\u202egnp.exe", "evil\\u{202e}gnp.exe"],
    ["a bidi isolate", "\u2066a\u2069", "\\u{2066}a\\u{2069}"],
    ["an Arabic letter mark", "a\u061c", "a\\u{61c}"],
    ["a zero width space", "git\u200bhub", "git\\u{200b}hub"],
    ["a zero width joiner", "a\u200db", "a\\u{200d}b"],
    ["a byte order mark", "\ufeffa", "\\u{feff}a"],
    ["a soft hyphen", "a\xadb", "a\\u{ad}b"],
    ["a line separator", "a\u2028b", "a\\u{2028}b"],
    ["a paragraph separator", "a\u2029b", "a\\u{2029}b"],
    ["a no-break space", "a\xa0b", "a\\u{a0}b"],
    ["a wide space", "a\u3000b", "a\\u{3000}b"],
    ["a blank", " a b ", " a b "],
    ["several blanks, that could move what follows", "a   b", "a \\x20\\x20b"],
    ["blanks that take turns with others", "a \u2003 \u2800 b", "a \\u{2003} \\u{2800} b"],
    ["a Hangul filler", "a\u3164b\uffa0", "a\\u{3164}b\\u{ffa0}"],
    ["a blank Braille pattern", "a\u2800", "a\\u{2800}"],
    ["a variation selector", "a\ufe0f\u{e0100}", "a\\u{fe0f}\\u{e0100}"],
    ["a grapheme joiner", "a\u034f", "a\\u{34f}"],
    ["a tag character", "a\u{e0041}", "a\\u{e0041}"],
    ["a private character", "\ue000\u{f0000}", "\\u{e000}\\u{f0000}"],
    ["an unassigned character", "\u0378", "\\u{378}"],
    ["the first half of a surrogate pair", "a\ud83d", "a\\u{d83d}"],
    ["the second half of a surrogate pair", "\udd11a", "\\u{dd11}a"],
    ["a byte that was not UTF-8", "a\udcffb\udc80", "a\\xffb\\x80"],
    ["a byte that would be a control character", "\udc9b2J", "\\x9b2J"],
    ["the neighbours of such bytes", "\udc7f\udd00", "\\u{dc7f}\\u{dd00}"],
    ["nothing", "", ""],
  ];

  test.each(shown)("is made visible: %s", (_, text, expected) => {
    expect(visible(text)).toBe(expected);
  });

  test("is cut to 200 characters, and to a limit of one's own", () => {
    expect(visible("a".repeat(200))).toBe("a".repeat(200));
    expect(visible("a".repeat(201))).toBe(`${"a".repeat(199)}…`);
    expect(visible("abcdef", 6)).toBe("abcdef");
    expect(visible("abcdefg", 6)).toBe("abcde…");
    expect(visible("\n".repeat(4), 6)).toBe("\\n\\n\\…");
    expect(visible("a".repeat(100_000), 6)).toBe("aaaaa…");
  });

  test("is not cut inside of a surrogate pair", () => {
    expect(visible("🔑🔑🔑", 4)).toBe("🔑…");
    expect(visible("a🔑🔑", 4)).toBe("a🔑…");
    expect(visible("🔑".repeat(1000), 5)).toBe("🔑🔑…");
  });

  test("keeps the end of what is cut in the middle", () => {
    expect(visibleEnds("uptime", 60)).toBe("uptime");
    expect(visibleEnds(`${"a".repeat(59)}…`, 60)).toBe(`${"a".repeat(59)}…`);
    const hidden = visibleEnds(`echo hi${" ".repeat(1000)}; rm -rf ~`, 60);
    expect(hidden).toMatch(/^echo hi (\\x20)+\\x2…\[1017 characters\]… (\\x20){2}; rm -rf ~$/);
    expect(visibleEnds(`${"a".repeat(1000)}\x1b\udcff`, 60)).toMatch(/a\\x1b\\xff$/);
  });

  test("never holds a control, format or separator character, nor more than the limit", () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 250 }), (text, limit) => {
        const result = visible(text, limit);
        expect(result).not.toMatch(control);
        expect(result.length).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 1000 },
    );
  });

  test("looks different where it is different, unless it was cut", () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        const [first, second] = [visible(one, 10_000), visible(other, 10_000)];
        expect(first === second).toBe(one === other);
      }),
    );
  });
});

describe("muxguard's own words with those of others in them", () => {
  test("stay as they are where they have been escaped, and nothing in them is obeyed", () => {
    expect(onScreen("no question a\x1b[2Jb\\x1b c\nd")).toBe("no question a\\x1b[2Jb\\x1b c\\nd");
  });

  test("are read by nobody as something else", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[\p{Cc}\p{Cf}]/u.test(onScreen(text))));
  });

  test("say in JSON what they said, and nothing in them is obeyed either", () => {
    const nasty = "a\x9b\u202e\u200b\u3164  \u{e0041}\\n\n🔑";
    expect(jsonOnScreen(JSON.stringify(nasty))).toBe(
      '"a\\u009b\\u202e\\u200b\\u3164  \\udb40\\udc41\\\\n\\n🔑"',
    );
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = jsonOnScreen(JSON.stringify({ [text]: text }));
        expect(shown).not.toMatch(control);
        expect(JSON.parse(shown)).toEqual({ [text]: text });
      }),
    );
  });
});

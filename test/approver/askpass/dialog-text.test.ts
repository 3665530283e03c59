import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dialogText } from "../../../src/approver/askpass/dialog-text.ts";
import { visible } from "../../../src/policy/visible.ts";

/** Below the first line, which a dialog has for itself. */
const shown = (...lines: string[]): string[] =>
  dialogText(["title", ...lines], [])
    .split("\n")
    .slice(0, -1);

describe("the text of a dialog", () => {
  test("says first whose it is, so that no program takes it for an option or HTML", () => {
    expect(dialogText(["--help → web1?", "over a connection"], ["Allow it?"]).split("\n")).toEqual([
      "muxguard: --help -> web1?",
      "over a connection",
      "",
      "Allow it?",
    ]);
  });

  test.each([
    ["a comment", "run <!-- x", "run \\x3c!-- x"],
    ["a tag", "run <font size=1>x</font>", "run \\x3cfont size=1>x\\x3c/font>"],
    ["a named entity", "&nbsp;x", "\\x26nbsp;x"],
    ["a numbered entity", "&#8238;x&#x202e;", "\\x26#8238;x\\x26#x202e;"],
  ])("has no markup: %s", (_, line, expected) => {
    expect(shown(line)[1]).toBe(expected);
  });

  test("leaves what is no markup as it is", () => {
    const line = 'run "make && echo $((1 & 2)) > log 2>&1"';
    expect(shown(line)[1]).toBe(line);
  });

  test.each([
    ["at blanks", "word ".repeat(30).trim()],
    ["in the middle of words that are longer than a line", "x".repeat(300)],
    ["by the bytes of its characters", "鍵🔑é".repeat(30)],
    ["with blanks at the beginning alone", `a ${"x".repeat(300)}`],
  ])("is broken %s, and indented after a break", (_, line) => {
    const [, first = "", ...others] = shown(line);
    expect(others.length).toBeGreaterThan(0);
    for (const part of [first, ...others]) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(80);
    for (const part of others) expect(part).toMatch(/^ {4}\S/);
    const words = [first, ...others].map((part) => part.trim()).join("");
    expect(words.replaceAll(" ", "")).toBe(line.replaceAll(" ", ""));
  });

  test("of any text fits, and has no markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 500 }), (text) => {
        const lines = shown(visible(text, 150));
        for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(80);
        expect(lines.join("")).not.toMatch(/<|&[a-z#]/i);
      }),
    );
  });

  test("has no more than eight lines above what is asked, however much a request says", () => {
    const lines = dialogText(Array(60).fill("鍵".repeat(100)), ["Allow it?"]).split("\n");
    expect(lines).toHaveLength(10);
    expect(lines[7]).toMatch(/\.\.\.$/);
    expect(lines.at(-1)).toBe("Allow it?");
  });
});

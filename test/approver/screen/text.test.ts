import { describe, expect, it } from "vitest";
import { wrap } from "../../../src/approver/screen/text.ts";

describe("a text on a screen", () => {
  it("is broken at blanks, and goes on indented", () => {
    expect(wrap("one two three", 9)).toEqual(["one two", "    three"]);
  });

  it("is looked at twice at most, however long it is", () => {
    const text = "a long command ".repeat(10_000);
    let looked = 0;
    const measure = (): number => {
      looked++;
      return 1;
    };
    expect(wrap(text, 76, measure).length).toBeGreaterThan(1000);
    expect(looked).toBeLessThan(2 * text.length);
  });

  it.each([0, 1, 2, 3])("comes to an end where the screen has %i columns", (columns) => {
    for (const text of ["漢字 and more", "a b c d e", "      blanks", "⚡⚡⚡"])
      expect(wrap(text, columns).join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
  });
});

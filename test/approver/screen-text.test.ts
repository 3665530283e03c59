import { describe, expect, it } from "vitest";
import { wrap } from "../../src/approver/screen-text.ts";

describe("a text on a screen", () => {
  it("is broken at blanks, and goes on indented", () => {
    expect(wrap("one two three", 8)).toEqual(["one two", "  three"]);
  });

  it.each([0, 1, 2, 3])("comes to an end where the screen has %i columns", (columns) => {
    const lines = wrap("漢字 and more", columns);
    expect(lines.map((line) => line.trim()).join("")).toBe("漢字andmore");
  });
});

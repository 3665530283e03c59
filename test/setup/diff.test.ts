/** A difference is shown with lines around it, and nothing else of the file. */
import { expect, it } from "vitest";
import { diff } from "../../src/setup/diff.ts";

const file = (...lines: string[]): string => lines.map((line) => `${line}\n`).join("");
const letters = [..."abcdefghijklmnopqrstuvwxyz"];

it("shows what is added, with three lines around it", () => {
  const after = file(...letters.slice(0, 10), "NEW", ...letters.slice(10));
  expect(diff(file(...letters), after)).toEqual([
    "@@ line 8 @@",
    ...[" h", " i", " j", "+NEW", " k", " l", " m"],
  ]);
});

it("shows several places apart", () => {
  const after = file("TOP", ...letters.slice(0, -1), "Z");
  expect(diff(file(...letters), after)).toEqual([
    ...["+TOP", " a", " b", " c"],
    ...["@@ line 23 @@", " w", " x", " y", "-z", "+Z"],
  ]);
});

it("shows a new file and one that goes, and nothing where nothing changes", () => {
  expect(diff(undefined, "a\nb\n")).toEqual(["+a", "+b"]);
  expect(diff("a\n", undefined)).toEqual(["-a"]);
  expect(diff("a\n", "a\n")).toEqual([]);
});

it("shows that a newline at the end came or went", () => {
  expect(diff("a", "a\n")).toEqual(["-a\\ no newline at the end", "+a"]);
});

it("finds the lines that stay in what was turned over", () => {
  const marks = diff(file("a", "b", "c"), file("c", "a", "b"));
  expect(marks).toEqual(["+c", " a", " b", "-c"]);
});

it("says all of it where too much differs to look for what stays", () => {
  const many = Array.from({ length: 3000 }, (_, at) => `line ${at}`);
  const shown = diff(file(...many), file(...many.map((line) => `${line}!`)));
  expect(shown).toHaveLength(6000);
});

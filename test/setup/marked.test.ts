/** Lines between two marks: once, however often they are put there, and all around them stays. */
import { expect, it } from "vitest";
import { putMarked } from "../../src/setup/marked.ts";

const [BEGIN, END] = ["# >>> muxguard init >>>", "# <<< muxguard init <<<"];

it("puts them at the end, with an empty line before", () => {
  expect(putMarked("a\n", ["x"], "end")).toBe(`a\n\n${BEGIN}\nx\n${END}\n`);
  expect(putMarked("a", ["x"], "end")).toBe(`a\n\n${BEGIN}\nx\n${END}\n`);
  expect(putMarked("", ["x"], "end")).toBe(`${BEGIN}\nx\n${END}\n`);
});

it("puts them at the start", () => {
  expect(putMarked("a\n", ["x"], "start")).toBe(`${BEGIN}\nx\n${END}\n\na\n`);
});

it.each(["start", "end"] as const)("puts them there once, and replaces them where they are (%s)", (at) => {
  const once = putMarked("a\n", ["x"], at);
  expect(putMarked(once, ["x"], at)).toBe(once);
  const moved = `${once}b\n`; // somebody wrote behind them
  expect(putMarked(moved, ["y", "z"], at)).toBe(moved.replace("\nx\n", "\ny\nz\n"));
});

it("takes no part of a line for a mark, and no mark without its end", () => {
  const text = `echo "${BEGIN}"\n${BEGIN}\nmine\n`;
  expect(putMarked(text, ["x"], "end")).toBe(`${text}\n${BEGIN}\nx\n${END}\n`);
});

it("keeps bytes that are no UTF-8, and writes its own as UTF-8", () => {
  const text = Buffer.from([0xff, 0xfe, 0x0a]).toString("latin1");
  const bytes = Buffer.from(putMarked(text, ["é"], "end"), "latin1");
  expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xfe, 0x0a]);
  expect(bytes.toString("utf8")).toContain("\né\n");
});

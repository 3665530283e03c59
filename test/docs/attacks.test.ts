/** What docs/threat-model.md says was tried is what test/confine tries, row by row. */
import { expect, it } from "vitest";
import { rowsOf, tables } from "../confine/rows.ts";
import { textOf } from "./documents.ts";

const document = textOf("docs/threat-model.md");

it.each(tables())("has the table of test/confine/%s.test.ts as it is", (table) => {
  const rows = rowsOf(table).map(({ way, gain, heldBy }) => `| ${way} | ${gain} | ${heldBy} |`);
  const [, section = ""] = document.split(`(../test/confine/${table}.test.ts)`);
  const [block = ""] = section.trimStart().split("\n\n");
  expect(block.split("\n").slice(2)).toEqual(rows);
});

it("has no table of what is not tried", () => {
  const named = [...document.matchAll(/\(\.\.\/test\/confine\/([a-z-]+)\.test\.ts\)/g)].map(
    ([, name]) => name,
  );
  expect(named.sort()).toEqual(tables());
});

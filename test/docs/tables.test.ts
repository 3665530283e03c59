/** The tables of the documents, as a renderer sees them (GitHub Flavored Markdown). */
import { lexer, type Token } from "marked";
import { describe, expect, it } from "vitest";
import { documents, textOf, tokensOf } from "./documents.ts";

describe.each(documents)("%s", (document) => {
  const text = textOf(document);

  it("has no row of a table that is shown as text", () => {
    expect(strayRows(text)).toEqual([]);
  });

  it("has as many cells in each row of a table as in its header", () => {
    expect(unevenRows(text)).toEqual([]);
  });
});

describe("what is found", () => {
  const table = (...rows: string[]): string => `Text.\n\n${rows.join("\n")}\n\nMore.\n`;

  it("is a table whose delimiter row has other cells than its header", () => {
    expect(strayRows(table("| a | b |", "| --- | --- | --- |", "| 1 | 2 |"))).toHaveLength(3);
    expect(strayRows(table("| a | b |", "| --- | --- |", "| 1 | 2 |"))).toEqual([]);
  });

  it("is a row with a cell too many or too few", () => {
    const rows = ["| 1 | 2 | 3 |", "| 1 |", "| `x|y` | 2 |", "| `x\\|y` | 2 |"];
    expect(unevenRows(table("| a | b |", "| --- | --- |", ...rows))).toEqual(rows.slice(0, 3));
  });

  it("is found in a list too", () => {
    const item = "- one\n\n  | a | b |\n  | --- | --- |\n  | 1 |\n";
    expect([strayRows(item), unevenRows(item)]).toEqual([[], ["| 1 |"]]);
  });

  it("is no line of an example", () => {
    expect(strayRows(table("    | a | b |"))).toEqual([]);
    expect(strayRows(table("```", "| a | b |", "```"))).toEqual([]);
  });
});

/** Lines that look like rows, and are in no table. */
function strayRows(markdown: string): string[] {
  return tokensOf(lexer(markdown))
    .filter(({ type }) => type !== "table" && type !== "code")
    .flatMap(({ raw }) => raw.split("\n").filter((line) => /^\s*\|/.test(line)));
}

/** A renderer leaves out the cells that are too many. */
function unevenRows(markdown: string): string[] {
  return tokensOf(lexer(markdown)).flatMap((token) => {
    if (!isTable(token)) return [];
    return rowsOf(token).filter((row) => countCells(row) !== token.header.length);
  });
}

function isTable(token: Token): token is Token & { header: unknown[] } {
  return token.type === "table";
}

function rowsOf({ raw }: Token): string[] {
  return raw.split("\n").filter((line) => line.trim() !== "");
}

/** A bar is the end of a cell unless it is escaped, in code too. */
function countCells(row: string): number {
  return row
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/).length;
}

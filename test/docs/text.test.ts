/** The documents as a reader of the file has them: no line is too long, and each link leads to a file. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, inProject, textOf } from "./documents.ts";

const MAX_COLUMNS = 110;

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, words = ""]) => words.toLowerCase());
  return headings.map((words) => words.replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));
}

describe.each(documents)("%s", (document) => {
  const text = textOf(document);

  it("has no line of more than 110 columns, rows of tables apart", () => {
    const tooLong = text.split("\n").filter((line) => line.length > MAX_COLUMNS && !line.startsWith("|"));
    expect(tooLong).toEqual([]);
  });

  it("has no link to a file that is not there", () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const files = links
      .filter((link) => !/^(?:https?:|#)/.test(link))
      .map((link) => link.split("#")[0] ?? "");
    expect(files.filter((file) => !existsSync(inProject(join(dirname(document), file))))).toEqual([]);
  });

  it("has no link to a heading that is not there", () => {
    const links = [...text.matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)];
    const gone = links.filter(([, file, anchor]) => {
      const other = file ? textOf(join(dirname(document), file)) : text;
      return !anchorsOf(other).includes(anchor ?? "");
    });
    expect(gone.map(([link]) => link)).toEqual([]);
  });
});

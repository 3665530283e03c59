/** The documents as a reader of the file has them: no line is too long, and each link leads to a file. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, inProject, textOf } from "./documents.ts";

const MAX_COLUMNS = 110;

describe.each(documents)("%s", (document) => {
  it("has no line of more than 110 columns, rows of tables apart", () => {
    const tooLong = textOf(document)
      .split("\n")
      .filter((line) => line.length > MAX_COLUMNS && !line.startsWith("|"));
    expect(tooLong).toEqual([]);
  });

  it("has no link to a file that is not there", () => {
    const links = [...textOf(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    const files = links.filter((link) => !/^(?:https?:|#)/.test(link));
    expect(files.filter((file) => !existsSync(inProject(join(dirname(document), file))))).toEqual([]);
  });
});

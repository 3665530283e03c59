/** What docs/questions.md shows of usual questions is what muxguard says today. */
import { describe, expect, it } from "vitest";
import { BRIEF_ROWS, HEADING, questionRows } from "../../src/approver/screen/brief.ts";
import { describeBriefly } from "../../src/policy/describe/brief.ts";
import { usualQuestions } from "../support/usual-questions.ts";
import { textOf } from "./documents.ts";

const document = textOf("docs/questions.md");

const code = (line: string): string => `\`${line.replaceAll("|", "\\|")}\``;

/** A row of the table: the case, the title, the lines. */
const rows = usualQuestions.map(({ name, question }) => {
  const [title = "", ...lines] = describeBriefly(question).map(code);
  return `| ${name} | ${title} | ${lines.join("<br>")} |`;
});

describe("the table of usual questions", () => {
  it("has each of them as it is asked", () => {
    const [, table = ""] = document.split("| case | title | lines |\n| --- | --- | --- |\n");
    expect(table.split("\n\n")[0]?.trimEnd().split("\n")).toEqual(rows);
  });

  it.each(usualQuestions.map(({ name, question }) => [name, question] as const))(
    "has no more than fits: %s",
    (_, question) => {
      const lines = describeBriefly(question);
      expect(lines[0]?.length).toBeLessThan(72);
      const shown = questionRows(lines, 79, true, HEADING);
      expect(shown.length).toBeLessThanOrEqual(BRIEF_ROWS);
      expect(shown.at(-1)).not.toMatch(/…$/);
    },
  );
});

/** What a popup shows and what its keys mean, without a terminal. */
import { describe, expect, it } from "vitest";
import { Choice } from "../../../src/approver/screen/choice.ts";
import { ChoiceScreen, sizeOf } from "../../../src/approver/screen/choice-screen.ts";
import { question } from "../../support/guard.ts";

const choices = ["once" as const, { milliseconds: 600_000 }];
const login = question({ choices, denyFor: 600_000 });

const [SAVE, RESTORE] = ["\x1b7", "\x1b8"];

const plain = (drawn: string): string[] =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and the like
  drawn.replace(/\x1b\[\??\d*[a-zA-Z]/g, "").split("\r\n");

function lines(choice: Choice, columns: number, rows: number, left = 42, isUtf8 = true): string[] {
  const date = Date.parse(login.asked) + login.timeout - left * 1000;
  return plain(new ChoiceScreen(choice, isUtf8).popup({ columns, rows }, date));
}

const press = (choice: Choice, ...names: string[]) => names.map((name) => choice.key({ name }, true)).at(-1);

describe("a question on a small screen", () => {
  it("has its text, the time left, the answers one below the other, and the keys, in the size that it asks for", () => {
    const { columns, rows } = sizeOf(login, 110, true);
    const shown = lines(new Choice(login), columns, rows);
    expect(shown).toHaveLength(rows);
    expect(shown.slice(-6)).toEqual([
      "Allow it? (42 s left)",
      "❯ deny",
      "  allow once",
      "  allow for 10 minutes",
      "  deny for 10 minutes",
      "↑↓ choose, Enter answers, Esc denies, PgDn: more",
    ]);
    expect(lines(new Choice(login), columns, rows, -5).join()).toContain("(0 s left)");
  });

  it("has its answers side by side where its text would not fit, and is turned by the page", () => {
    const screen = new Choice(login);
    const first = lines(screen, 58, 10);
    expect(first).toHaveLength(10);
    expect(first[0]).toBe('git "fetch" → github.com as git?');
    expect(first.join("\n")).toContain("❯ deny    allow once    allow for 10 minutes");
    expect(first.find((line) => line.startsWith("…"))).toMatch(/^… more than fits here: \d+ below \(PgDn\)$/);
    press(screen, "pagedown");
    const second = lines(screen, 58, 10);
    expect(second[0]).not.toBe(first[0]);
    const seen = new Set([...first, ...second]);
    press(screen, "pagedown");
    for (const line of lines(screen, 58, 10)) seen.add(line);
    const whole = lines(new Choice(login), 58, 40);
    for (const line of whole.slice(0, whole.indexOf(""))) expect(seen).toContain(line);
    press(screen, "pageup", "pageup", "pageup");
    expect(lines(screen, 58, 10)).toEqual(first);
  });

  it.each([
    [80, 24],
    [58, 14],
    [30, 12],
    [12, 6],
    [5, 3],
    [2, 1],
  ])("is never larger than %i × %i", (columns, rows) => {
    const shown = lines(new Choice(login), columns, rows);
    expect(shown.length).toBeLessThanOrEqual(rows);
    if (columns >= 12) expect(shown.every((line) => line.length < columns)).toBe(true);
    if (rows >= 6 && columns >= 12) expect(shown.join("\n")).toContain("❯ deny");
  });

  it("draws nothing but ASCII of its own where the terminal shows no more", () => {
    const [text = ""] = [lines(new Choice(login), 110, 40, 42, false).join("\n")];
    expect(text).toMatch(/asked by: ssh <- git/);
    expect(text).toContain("> deny");
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it("shows the rule that always writes instead of the answers", () => {
    const rule = ["[[rule]]", 'name = "always: log in"', 'action = "allow"'];
    const choice = new Choice(question({ choices: ["once", "always"], rule }));
    press(choice, "down", "down", "return");
    for (const text of [
      lines(choice, 80, 20).join("\n"),
      plain(new ChoiceScreen(choice).inline({ columns: 80, rows: 20 })).join("\n"),
      plain(new ChoiceScreen(choice).embedded(80, 20).join("\r\n")).join("\n"),
    ]) {
      for (const line of rule) expect(text).toContain(`  ${line}`);
      expect(text).toContain("approved.toml");
      expect(text).toContain("y writes it");
      expect(text).not.toContain("deny");
    }
    press(choice, "n");
    expect(lines(choice, 80, 20).join("\n")).toContain("❯ deny");
  });
});

describe("a question below the output of a command", () => {
  const inline = (choice: Choice, columns: number, rows: number) =>
    new ChoiceScreen(choice).inline({ columns, rows });
  /** From the cursor on. */
  const below = (drawn: string): string[] => plain(drawn.split(SAVE)[1]?.split(RESTORE)[0] ?? "");

  it("has the answers one below the other", () => {
    expect(below(inline(new Choice(login), 80, 24))).toEqual([
      "",
      "? Allow it?",
      "❯ deny",
      "  allow once",
      "  allow for 10 minutes",
      "  deny for 10 minutes",
      "↑↓ choose, Enter answers, Esc denies, PgDn: more",
    ]);
  });

  it("leaves the cursor where it was, with its column: all that scrolls does so before", () => {
    const drawn = inline(new Choice(login), 80, 24);
    const [before, after] = drawn.split(SAVE);
    expect(before).toBe(`\x1b[J${"\x1bD".repeat(6)}\x1b[6A`);
    expect(after?.match(/\n/g)).toHaveLength(6);
    expect(after?.endsWith(RESTORE)).toBe(true);
  });

  it.each([
    [80, 24],
    [80, 7],
    [80, 6],
    [30, 4],
    [12, 3],
    [5, 2],
    [2, 1],
  ])("never scrolls itself out of %i × %i, or the cursor could not go back", (columns, rows) => {
    const rule = Array.from({ length: 30 }, (_, at) => `line ${at}`);
    const choice = new Choice(question({ choices: ["once", "always"], rule }));
    for (const keys of [[], ["down", "down", "return"]]) {
      press(choice, ...keys);
      expect(below(inline(choice, columns, rows)).length).toBeLessThanOrEqual(Math.max(2, rows));
    }
  });
});

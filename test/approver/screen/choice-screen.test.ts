/** What a popup shows and what its keys mean, without a terminal. */
import { describe, expect, it } from "vitest";
import { ChoiceScreen, sizeOf } from "../../../src/approver/screen/choice-screen.ts";
import { question } from "../../support/guard.ts";

const choices = ["once" as const, { milliseconds: 600_000 }];
const login = question({ choices, denyFor: 600_000 });

function lines(screen: ChoiceScreen, columns: number, rows: number, left = 42): string[] {
  const drawn = screen.draw({ columns, rows }, Date.parse(login.asked) + login.timeout - left * 1000);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and the like
  return drawn.replace(/\x1b\[\??\d*[a-zA-Z]/g, "").split("\r\n");
}

const press = (screen: ChoiceScreen, ...names: string[]) => names.map((name) => screen.key({ name })).at(-1);

describe("a question on a small screen", () => {
  it("has its text, the time left, the answers one below the other, and the keys, in the size that it asks for", () => {
    const { columns, rows } = sizeOf(login, 110, true);
    const shown = lines(new ChoiceScreen(login), columns, rows);
    expect(shown).toHaveLength(rows);
    expect(shown.slice(-6)).toEqual([
      "Allow it? (42 s left)",
      "❯ deny",
      "  allow once",
      "  allow for 10 minutes",
      "  deny for 10 minutes",
      "↑↓ choose, Enter answers, Esc denies",
    ]);
    expect(lines(new ChoiceScreen(login), columns, rows, -5).join()).toContain("(0 s left)");
  });

  it("has its answers side by side where its text would not fit, and is turned by the page", () => {
    const screen = new ChoiceScreen(login);
    const first = lines(screen, 58, 10);
    expect(first).toHaveLength(10);
    expect(first[0]).toMatch(/wants to/);
    expect(first.join("\n")).toContain("❯ deny    allow once    allow for 10 minutes");
    expect(first.find((line) => line.startsWith("…"))).toMatch(/^… more than fits here: \d+ below \(PgDn\)$/);
    press(screen, "pagedown");
    const second = lines(screen, 58, 10);
    expect(second[0]).not.toBe(first[0]);
    const seen = new Set([...first, ...second]);
    press(screen, "pagedown");
    for (const line of lines(screen, 58, 10)) seen.add(line);
    const whole = lines(new ChoiceScreen(login), 58, 40);
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
    const shown = lines(new ChoiceScreen(login), columns, rows);
    expect(shown.length).toBeLessThanOrEqual(rows);
    if (columns >= 12) expect(shown.every((line) => line.length < columns)).toBe(true);
    if (rows >= 6 && columns >= 12) expect(shown.join("\n")).toContain("❯ deny");
  });

  it("draws nothing but ASCII of its own where the terminal shows no more", () => {
    const [text = ""] = [lines(new ChoiceScreen(login, false), 110, 40).join("\n")];
    expect(text).toMatch(/started by \S+ <- /);
    expect(text).toContain("> deny");
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it.each([
    [["return"], { decision: "deny", reason: "you said no" }],
    [["down", "return"], { decision: "allow", remember: "once" }],
    [["right", "right", "left", "up", "down", "return"], { decision: "allow", remember: "once" }],
    [["down", "escape"], { decision: "deny", reason: "you said no" }],
    [["y"], undefined],
    [["space"], undefined],
  ])("is answered by %j", (keys, answer) => {
    expect(press(new ChoiceScreen(login), ...keys)).toEqual(answer);
  });

  it("shows the rule that always writes, and wants a y; any other key goes back to deny", () => {
    const rule = ["[[rule]]", 'name = "always: log in"', 'action = "allow"'];
    const screen = new ChoiceScreen(question({ choices: ["once", "always"], rule }));
    expect(press(screen, "down", "down", "return")).toBeUndefined();
    const text = lines(screen, 80, 20).join("\n");
    for (const line of rule) expect(text).toContain(`  ${line}`);
    expect(text).toContain("approved.toml");
    expect(text).toContain("y writes it");
    expect(press(screen, "return")).toBeUndefined();
    expect(lines(screen, 80, 20).join("\n")).toContain("❯ deny");
    expect(press(screen, "down", "down", "return", "y")).toEqual({ decision: "allow", remember: "always" });
  });
});

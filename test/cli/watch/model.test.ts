/** What `muxguard watch` makes of questions, keys and time, without a terminal. */
import { describe, expect, it } from "vitest";
import type { Key } from "../../../src/approver/screen/keys.ts";
import { WatchModel } from "../../../src/cli/watch/model.ts";
import { question } from "../../support/guard.ts";

const choices = ["once" as const, { milliseconds: 600_000 }];
const one = question({ id: "aaaaaa", choices });
const two = question({ id: "bbbbbb", choices });
const size = { columns: 100, rows: 40 };

function model(...questions: (typeof one)[]): WatchModel {
  const made = new WatchModel();
  made.update({ questions, locked: false }, 0);
  return made;
}

const press = (watch: WatchModel, key: string | Key, now: number) =>
  watch.key(typeof key === "string" ? { name: key } : key, now);

const screen = (watch: WatchModel, { columns, rows } = size) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
  watch.lines({ columns, rows }, Date.parse(one.asked)).map((line) => line.replace(/\x1b\[\d+m/g, ""));

const selected = (watch: WatchModel) =>
  screen(watch)
    .find((line) => /^❯ \w{6} /.test(line))
    ?.slice(2, 8);

describe("the keys of muxguard watch", () => {
  it.each([
    [["return"], { decision: "deny", reason: "you said no" }],
    [["right", "return"], { decision: "allow", remember: "once" }],
    [
      ["right", "right", "right", "right", "return"],
      { decision: "allow", remember: { milliseconds: 600_000 } },
    ],
    [["right", "left", "return"], { decision: "deny", reason: "you said no" }],
  ])("answer: %j", (keys, answer) => {
    const watch = model(one);
    const given = keys.map((key) => press(watch, key, 1000)).at(-1);
    expect(given).toEqual({ question: one, answer });
  });

  it.each(["a", "d", "y", " ", "x", "1", "escape", { name: "return", ctrl: true }])(
    "mean nothing else: %j",
    (key) => {
      expect(press(model(one), key, 5000)).toBeUndefined();
    },
  );

  it("don't count for a question in its first second", () => {
    const watch = model(one);
    expect(press(watch, "return", 999)).toBeUndefined();
    expect(screen(watch).at(-1)).toContain("too early");
    expect(press(watch, "return", 1000)).toBeDefined();
  });

  it("don't count for a second when another question comes under them by itself, however long it has waited", () => {
    const watch = model(one, two);
    watch.update({ questions: [two], locked: false }, 5000);
    expect(selected(watch)).toBe("bbbbbb");
    expect(press(watch, "return", 5999)).toBeUndefined();
    expect(press(watch, "return", 6000)).toMatchObject({ question: two });
  });

  it("count at once for a question that was chosen with them, unless it is new", () => {
    const watch = model(one);
    watch.update({ questions: [one, two], locked: false }, 4500);
    press(watch, "down", 5000);
    expect(press(watch, "return", 5400)).toBeUndefined();
    expect(press(watch, "return", 5500)).toMatchObject({ question: two });
    press(watch, "up", 5500);
    expect(press(watch, "return", 5500)).toMatchObject({ question: one });
  });

  it("stay with their question when others come and go, and begin with deny at the next one", () => {
    const watch = model(one, two);
    press(watch, "down", 2000);
    press(watch, "right", 2000);
    watch.update({ questions: [two], locked: false }, 2000);
    expect(press(watch, "return", 2000)).toMatchObject({ question: two, answer: { decision: "allow" } });
    watch.update({ questions: [one, two], locked: false }, 3000);
    press(watch, "up", 3000);
    expect(press(watch, "return", 4000)).toMatchObject({ question: one, answer: { decision: "deny" } });
  });

  it("that came too early leave the answer at deny", () => {
    const watch = model(one);
    for (const key of ["right", "return"]) press(watch, key, 500);
    expect(screen(watch).join("\n")).toContain("❯ deny");
    expect(press(watch, "return", 1000)).toMatchObject({ answer: { decision: "deny" } });
  });

  describe("for always, which writes a rule", () => {
    const rule = ["[[rule]]", 'name = "always: log in"', 'action = "allow"'];
    const always = question({ id: "cccccc", choices: ["once", "always"], rule });
    const chosen = (): WatchModel => {
      const watch = model(always);
      for (const key of ["right", "right"]) press(watch, key, 2000);
      expect(press(watch, "return", 2000)).toBeUndefined();
      return watch;
    };

    it("show the rule, and want a y", () => {
      const watch = chosen();
      const text = screen(watch).join("\n");
      for (const line of rule) expect(text).toContain(`  ${line}`);
      expect(text).toContain("approved.toml");
      expect(text).toContain("y writes it");
      expect(text).not.toContain("❯ deny");
      expect(press(watch, "y", 2000)).toEqual({
        question: always,
        answer: { decision: "allow", remember: "always" },
      });
    });

    it.each(["return", "a", "d", "escape", "right", "up"])("go back to deny with any other: %j", (key) => {
      const watch = chosen();
      expect(press(watch, key, 2000)).toBeUndefined();
      expect(press(watch, "y", 2000)).toBeUndefined();
      expect(screen(watch).join("\n")).toContain("❯ deny");
    });

    it("ask again for another question", () => {
      const watch = chosen();
      watch.update({ questions: [one], locked: false }, 2000);
      expect(press(watch, "y", 5000)).toBeUndefined();
    });
  });

  it("do nothing where nothing waits", () => {
    const watch = model();
    expect(["return", "right", "up", "down", "left"].map((key) => press(watch, key, 5000))).toEqual(
      Array(5).fill(undefined),
    );
    expect(screen(watch)[0]).toBe("muxguard watch  nothing waits for an answer");
  });
});

describe("the screen of muxguard watch", () => {
  it("has the questions, the one under the keys with all there is to know, its answers, and the log", () => {
    const watch = model(one, two);
    watch.decided(["first decision", "second decision"]);
    const text = screen(watch).join("\n");
    expect(text).toMatch(/^❯ aaaaaa {4}60 s {2}git "fetch" → .*\n {2}bbbbbb {4}60 s {2}git "fetch" → /m);
    expect(text).toContain(`because: no rule says otherwise (default = "ask")`);
    expect(text).toContain("❯ deny    allow once    allow for 10 minutes");
    expect(text).toMatch(/first decision\nsecond decision\n/);
  });

  it.each([
    [200, 60],
    [80, 24],
    [40, 16],
    [20, 10],
    [10, 4],
  ])("fits %i × %i, and has the answers if it can", (columns, rows) => {
    const many = Array.from({ length: 30 }, (_, at) =>
      question({ id: `q${String(at).padStart(5, "0")}`, choices }),
    );
    const watch = model(...many);
    watch.decided(Array.from({ length: 100 }, () => "x".repeat(300)));
    const lines = screen(watch, { columns, rows });
    expect(lines.length).toBeLessThan(rows);
    expect(lines.every((line) => line.length < columns)).toBe(true);
    if (rows >= 16) expect(lines.join("\n")).toContain("❯ deny");
    if (rows === 16) expect(lines.join("\n")).toContain("more than fits here");
  });

  it("says in its title that muxguard is locked", () => {
    const watch = model();
    watch.update({ questions: [], locked: true }, 0);
    const title = "muxguard watch - locked (muxguard unlock)";
    expect(screen(watch)[0]).toBe(`${title}  nothing waits for an answer`);
    expect(screen(watch, { columns: 30, rows: 20 })[0]).toBe("muxguard watch - locked (mux…");
    watch.update({ questions: [], locked: false }, 0);
    expect(screen(watch)[0]).toBe("muxguard watch  nothing waits for an answer");
  });

  it("says how many questions its list leaves out", () => {
    const many = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9"].map((id) =>
      question({ id, choices }),
    );
    expect(screen(model(...many), { columns: 100, rows: 80 }).join("\n")).not.toMatch(/and \d+ more/);
    const lines = screen(model(...many), { columns: 100, rows: 25 });
    expect(lines.filter((line) => /^(?:❯| ) q\d /.test(line))).toHaveLength(4);
    expect(lines).toContain("  … and 5 more");
  });

  it("wraps decisions, and drops the oldest ones that don't fit as a whole", () => {
    const watch = model();
    watch.decided(["10:00:00 allow  oldest ".concat("word ".repeat(20)), "10:00:01 deny   newest by ssh"]);
    const shown = (rows: number): string[] => screen(watch, { columns: 60, rows }).slice(4, -2);
    expect(shown(12).filter((line) => line !== "")).toEqual([
      "10:00:00 allow  oldest word word word word word word word",
      "    word word word word word word word word word word word",
      "    word word ",
      "10:00:01 deny   newest by ssh",
    ]);
    expect(shown(10)).toEqual(["10:00:01 deny   newest by ssh", "", ""]);
  });

  it("can be turned where a question is longer than the room for it", () => {
    const long = question({ id: "dddddd", choices, rule: [], approvals: 3 });
    long.rule = Array.from({ length: 30 }, (_, at) => `line ${at}`);
    const watch = model(long);
    const text = () => screen(watch, { columns: 80, rows: 24 }).join("\n");
    expect(text()).toMatch(/as git\?[\s\S]*allowed 3 times/);
    expect(text()).not.toContain("more than fits here");
    press(watch, "pagedown", 2000);
    expect(text()).toMatch(/as git\?[\s\S]*more than fits here: \d+ below \(PgDn\)/);
    for (let at = 0; at < 5; at++) {
      press(watch, "pagedown", 2000);
      text();
    }
    expect(text()).toMatch(/line 29\n… more than fits here: \d+ above \(PgUp\)/);
    press(watch, "pageup", 2000);
    expect(text()).toMatch(/: \d+ above \(PgUp\), \d+ below \(PgDn\)/);
  });

  it("shows the question under the keys in a list that is longer than its room", () => {
    const many = Array.from({ length: 30 }, (_, at) =>
      question({ id: `q${String(at).padStart(5, "0")}`, choices }),
    );
    const watch = model(...many);
    for (let at = 0; at < 29; at++) press(watch, "down", 0);
    expect(selected(watch)).toBe("q00029");
  });
});

/** What `muxguard watch` makes of questions, keys and time, without a terminal. */
import { describe, expect, it } from "vitest";
import { WatchModel } from "../../src/cli/watch-model.ts";
import { question } from "../support/guard.ts";

const choices = ["once" as const, { milliseconds: 600_000 }];
const one = question({ id: "aaaaaa", choices });
const two = question({ id: "bbbbbb", choices });
const size = { columns: 100, rows: 40 };

function model(...questions: (typeof one)[]): WatchModel {
  const made = new WatchModel();
  made.update(questions, 0);
  return made;
}

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
    const given = keys.map((key) => watch.key(key, 1000)).at(-1);
    expect(given).toEqual({ question: one, answer });
  });

  it.each(["a", "d", "y", "space", "x", "1", undefined])("mean nothing else: %j", (key) => {
    expect(model(one).key(key, 5000)).toBeUndefined();
  });

  it("don't count for a question in its first second", () => {
    const watch = model(one);
    expect(watch.key("return", 999)).toBeUndefined();
    expect(screen(watch).at(-1)).toContain("too early");
    expect(watch.key("return", 1000)).toBeDefined();
  });

  it("don't count for a second when another question comes under them by itself, however long it has waited", () => {
    const watch = model(one, two);
    watch.update([two], 5000);
    expect(selected(watch)).toBe("bbbbbb");
    expect(watch.key("return", 5999)).toBeUndefined();
    expect(watch.key("return", 6000)).toMatchObject({ question: two });
  });

  it("count at once for a question that was chosen with them, unless it is new", () => {
    const watch = model(one);
    watch.update([one, two], 4500);
    watch.key("down", 5000);
    expect(watch.key("return", 5400)).toBeUndefined();
    expect(watch.key("return", 5500)).toMatchObject({ question: two });
    watch.key("up", 5500);
    expect(watch.key("return", 5500)).toMatchObject({ question: one });
  });

  it("stay with their question when others come and go, and begin with deny at the next one", () => {
    const watch = model(one, two);
    watch.key("down", 2000);
    watch.key("right", 2000);
    watch.update([two], 2000);
    expect(watch.key("return", 2000)).toMatchObject({ question: two, answer: { decision: "allow" } });
    watch.update([one, two], 3000);
    watch.key("up", 3000);
    expect(watch.key("return", 4000)).toMatchObject({ question: one, answer: { decision: "deny" } });
  });

  it("do nothing where nothing waits", () => {
    const watch = model();
    expect(["return", "right", "up", "down", "left"].map((key) => watch.key(key, 5000))).toEqual(
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
    expect(text).toMatch(/^❯ aaaaaa {4}60 s {2}log in to .*\n {2}bbbbbb {4}60 s {2}log in to /m);
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

  it("shows the question under the keys in a list that is longer than its room", () => {
    const many = Array.from({ length: 30 }, (_, at) =>
      question({ id: `q${String(at).padStart(5, "0")}`, choices }),
    );
    const watch = model(...many);
    for (let at = 0; at < 29; at++) watch.key("down", 0);
    expect(selected(watch)).toBe("q00029");
  });
});

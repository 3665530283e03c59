/** What the keys of a question do, without a screen. */
import { describe, expect, it } from "vitest";
import { Choice, INTERRUPTED } from "../../../src/approver/screen/choice.ts";
import { CTRL_C, type Key } from "../../../src/approver/screen/keys.ts";
import { question } from "../../support/guard.ts";

const choices = ["once" as const, { milliseconds: 600_000 }];
const login = question({ choices, denyFor: 600_000 });
const rule = ["[[rule]]", 'name = "always: log in"', 'action = "allow"'];
const always = question({ choices: ["once", "always"], rule });

const press = (choice: Choice, ...names: string[]) => names.map((name) => choice.key({ name }, true)).at(-1);

describe("the keys of a question", () => {
  it.each([
    [["return"], { decision: "deny", reason: "you said no" }],
    [["down", "return"], { decision: "allow", remember: "once" }],
    [["right", "right", "left", "up", "down", "return"], { decision: "allow", remember: "once" }],
    [["up", "up", "return"], { decision: "deny", reason: "you said no" }],
    [["down", "down", "down", "down", "down", "return"], expect.objectContaining({ decision: "deny" })],
    [["down", "escape"], { decision: "deny", reason: "you said no" }],
    [["y"], undefined],
    [[" "], undefined],
    [["1"], undefined],
    [["enter"], undefined],
  ])("answer: %j", (keys, answer) => {
    expect(press(new Choice(login), ...keys)).toEqual(answer);
  });

  it("do nothing before they count", () => {
    const choice = new Choice(login);
    for (const name of ["down", "return", "escape", "pagedown"])
      expect(choice.key({ name }, false)).toBeUndefined();
    expect(choice.at).toBe(0);
  });

  it("do nothing where they are pasted, or with Ctrl", () => {
    const choice = new Choice(login);
    const keys: Key[] = [
      { name: "return", pasted: true },
      { name: "down", pasted: true },
      { name: "m", ctrl: true },
      { name: "return", ctrl: true },
    ];
    for (const key of keys) expect(choice.key(key, true)).toBeUndefined();
    expect(choice.at).toBe(0);
  });

  it("deny with Ctrl-C, which always counts", () => {
    expect(new Choice(login).key(CTRL_C, false)).toBe(INTERRUPTED);
    const confirming = new Choice(always);
    press(confirming, "down", "down", "return");
    expect(confirming.key(CTRL_C, true)).toBe(INTERRUPTED);
  });

  it("write a rule only with a y, once it is shown", () => {
    const choice = new Choice(always);
    expect(press(choice, "down", "down", "return")).toBeUndefined();
    expect(choice.isConfirming).toBe(true);
    expect(choice.text.join("\n")).toContain(rule[1]);
    expect(choice.key({ name: "y", pasted: true }, true)).toBeUndefined();
    expect(press(choice, "pagedown", "y")).toEqual({ decision: "allow", remember: "always" });
  });

  it.each(["return", "n", "escape", "right", "up", "Y"])("go back to deny with any other: %j", (name) => {
    const choice = new Choice(always);
    press(choice, "down", "down", "return");
    expect(press(choice, name)).toBeUndefined();
    expect(choice).toMatchObject({ isConfirming: false, at: 0 });
    expect(press(choice, "y")).toBeUndefined();
  });
});

describe("what is read of a question", () => {
  const whole = (choice: Choice): boolean => choice.text.join("\n").includes("SHA256:fingerprint-of-work");

  it("is short at first, all of it behind PgDn, and short again behind PgUp", () => {
    const choice = new Choice(login);
    expect([choice.isBrief, whole(choice)]).toEqual([true, false]);
    press(choice, "pageup");
    expect(choice.isBrief).toBe(true);
    press(choice, "pagedown");
    expect([choice.isBrief, whole(choice)]).toEqual([false, true]);
    press(choice, "pagedown", "pageup");
    expect(choice.isBrief).toBe(true);
  });

  it("is short to its end before that, where it needs several pages", () => {
    const choice = new Choice(login);
    const first = choice.page(["a", "b", "c"], 2, 80);
    expect(first[1]).toContain("2 below (PgDn)");
    press(choice, "pagedown");
    choice.page(["a", "b", "c"], 2, 80);
    press(choice, "pagedown");
    expect(choice.page(["a", "b", "c"], 2, 80)[0]).toBe("c");
    expect(choice.isBrief).toBe(true);
    press(choice, "pagedown");
    expect(choice.isBrief).toBe(false);
  });

  it("stays as it is where the question changes", () => {
    const choice = new Choice(login);
    press(choice, "pagedown");
    choice.update({ ...login, count: 2 });
    expect(choice.isBrief).toBe(false);
  });
});

describe("a question that changes while it is answered", () => {
  it("keeps what is chosen where the same is offered", () => {
    const choice = new Choice(login);
    press(choice, "down");
    choice.update({ ...login, count: 2 });
    expect(choice.at).toBe(1);
    expect(choice.text.join("\n")).toContain("2 requests");
  });

  it("begins anew where other answers are offered, so that nobody gives one that he did not choose", () => {
    const choice = new Choice(login);
    press(choice, "down", "down", "down");
    choice.update(question({ choices: ["once", "run", "always"] }));
    expect(choice.at).toBe(0);
  });

  it("begins anew where another rule would be written than was shown", () => {
    const choice = new Choice(always);
    press(choice, "down", "down", "return");
    choice.update({ ...always, rule: ["another"] });
    expect(press(choice, "y")).toBeUndefined();
  });
});

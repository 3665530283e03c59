import { describe, expect, test } from "vitest";
import { commands } from "../../../src/cli/commands.ts";
import { candidates } from "../../../src/cli/reference/complete.ts";
import { manPage } from "../../../src/cli/reference/man.ts";
import { commandTree } from "../../../src/cli/reference/tree.ts";

const tree = commandTree(commands);

describe("what may come next", () => {
  test("is a command", () => {
    expect(candidates(tree, [""]).words).toEqual(
      expect.arrayContaining(["run", "daemon", "policy", "doctor"]),
    );
  });

  test("is an inner command", () => {
    expect(candidates(tree, ["policy", ""]).words).toEqual(expect.arrayContaining(["check", "explain"]));
    expect(candidates(tree, ["daemon", "re"]).words).toEqual(expect.arrayContaining(["restart", "reload"]));
  });

  test("is an option", () => {
    expect(candidates(tree, ["run", "--"]).words).toEqual(expect.arrayContaining(["--ride", "--confine"]));
    expect(candidates(tree, ["log", "--json", "-"]).words).toContain("--since");
  });

  test.each([
    [["open", ""], "hosts"],
    [["approve", "k"], "questions"],
    [["approve", "--once", ""], "questions"],
    [["forget", ""], "grants"],
    [["policy", "remove", ""], "rules"],
    [["log", "--host", ""], "hosts"],
    [["completion", ""], "shells"],
  ])("is a value: %j", (words, values) => {
    expect(candidates(tree, words).values).toBe(values);
  });

  test.each([[["run", "--", "ssh", ""]], [["run", "--policy", ""]]])("is none of ours: %j", (words) => {
    expect(candidates(tree, words)).toEqual({ words: [] });
  });
});

describe("the manual page", () => {
  const page = manPage(tree);

  test("has each command and each of its options", () => {
    for (const command of tree.commands)
      for (const name of [command.name(), ...command.options.map(({ long }) => long ?? "")])
        expect(page).toContain(name.replaceAll("-", "\\-"));
  });

  test("has no line that is a macro by mistake", () => {
    const macros = page.split("\n").filter((line) => /^[.']/.test(line));
    expect(macros.filter((line) => !/^\.(?:TH|SH|SS|TP|B|I) ?/.test(line))).toEqual([]);
  });
});

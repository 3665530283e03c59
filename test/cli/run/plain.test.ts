/** The command lines of `run` that are read without Commander: Commander would have read them the same. */
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { commands } from "../../../src/cli/commands.ts";
import { plainRunWords } from "../../../src/cli/run/plain.ts";

/** The command as Commander hands it on; undefined where there are options, or a mistake. */
async function wordsByCommander(argv: string[]): Promise<string[] | undefined> {
  let read: { words: string[]; options: object } | undefined;
  const program = new Command("muxguard").enablePositionalOptions();
  for (const name of ["run", "log"]) commands[name]?.(program.command(name));
  for (const one of [program, ...program.commands])
    one.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  program.commands[0]?.action((words: string[], options: object) => {
    read = { words, options };
  });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch {
    return undefined;
  }
  return read && read.words.length > 0 && Object.keys(read.options).length === 0 ? read.words : undefined;
}

describe("a plain command line of run", () => {
  it.each([
    ["run", "true"],
    ["run", "--", "true"],
    ["run", "git", "push", "--force", "-u", "origin"],
    ["run", "--", "git", "push", "--ride", "--", "x"],
    ["run", "true", "--ride"],
    ["run", "true", "--", "--confine"],
    ["run", "true", "--help"],
    ["run", "--", "--help"],
    ["run", "--", "-x"],
    ["run", "--", "--"],
    ["run", "--", ""],
    ["run", "sh", "-c", ""],
    ["run", "run", "--", "true"],
    ["run", "help"],
  ])("is what Commander reads: %s %s %s", async (...argv) => {
    const plain = plainRunWords(argv);
    expect(plain).toBeDefined();
    expect(plain).toEqual(await wordsByCommander(argv));
  });

  it.each([
    [[]],
    [["run"]],
    [["run", "--"]],
    [["run", ""]],
    [["run", "-"]],
    [["run", "--help"]],
    [["run", "-h"]],
    [["run", "--ride", "true"]],
    [["run", "--scope", "x", "--", "true"]],
    [["run", "--scope=x", "true"]],
    [["run", "--skope", "x", "true"]],
    [["--help", "run", "true"]],
    [["rum", "true"]],
    [["log"]],
  ])("is left to Commander: %j", (argv) => {
    expect(plainRunWords(argv)).toBeUndefined();
  });
});

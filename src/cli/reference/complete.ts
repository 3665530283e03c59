/**
 * What may come next on a command line, for a shell that completes it. Files are the shell's own business: of
 * these, and of a run's command, nothing is said.
 */
import type { Command } from "commander";

export type Values = "hosts" | "rules" | "questions" | "grants" | "entries" | "shells";

export interface Candidates {
  /** Commands and options. */
  words: string[];
  /** What else may stand there. */
  values?: Values;
}

/** By the command's whole name: of its first argument, or of an option. */
const ofArguments: Readonly<Record<string, Values>> = {
  open: "hosts",
  close: "hosts",
  approve: "questions",
  deny: "questions",
  forget: "grants",
  log: "entries",
  completion: "shells",
  "policy remove": "rules",
  "policy explain": "entries",
};
const ofOptions: Readonly<Record<string, Values>> = { "--host": "hosts" };

/** @param words after `muxguard`; the last is the one that is being typed, and may be empty */
export function candidates(program: Command, words: readonly string[]): Candidates {
  const typed = words.at(-1) ?? "";
  let command = program;
  const path: string[] = [];
  for (const word of words.slice(0, -1)) {
    if (word === "--") return { words: [] };
    const inner = command.commands.find((one) => one.name() === word);
    if (inner) {
      command = inner;
      path.push(word);
    }
  }
  const name = path.join(" ");
  const before = words.at(-2) ?? "";
  const option = command.options.find(({ long, short }) => before === long || before === short);
  if (option?.required) {
    const values = ofOptions[option.long ?? ""];
    return { words: [], ...(values && { values }) };
  }
  if (typed.startsWith("-")) return { words: command.options.flatMap(({ long }) => long ?? []) };
  const inner = command.commands.map((one) => one.name());
  const values = ofArguments[name];
  return { words: inner, ...(values && { values }) };
}

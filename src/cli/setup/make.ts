/** Making what was planned, and what comes after it. */
import { messageOf } from "../../errors.ts";
import type { Paths } from "../../settings/paths.ts";
import type { Facts } from "../../setup/facts.ts";
import { applyChange } from "../../setup/files/apply.ts";
import { fileAt, readBytes } from "../../setup/files/change.ts";
import { type Change, type Choices, planChanges } from "../../setup/plan.ts";
import { toStderr } from "../../to-stderr.ts";

export function changesOf(facts: Facts, choices: Choices): Change[] {
  return planChanges(facts, choices, (path) => readBytes(fileAt(path))?.toString("latin1"));
}

/** Whether it was made. */
export function make(paths: Paths, change: Change): boolean {
  try {
    applyChange(paths, change);
    return true;
  } catch (error) {
    toStderr(`muxguard: ${messageOf(error)}; add the lines there yourself`);
    return false;
  }
}

export function nextSteps({ shell }: Facts): string[] {
  return [
    ...(shell.file === undefined ? [] : ["a new shell asks the guard; in this one: exec $SHELL"]),
    "muxguard status says what is guarded, and what is not",
    "muxguard init --undo takes these changes back",
  ];
}

/** Making what was planned, and what comes after it. */
import { messageOf } from "../../errors.ts";
import type { Paths } from "../../settings/paths.ts";
import type { Facts } from "../../setup/facts.ts";
import { applyChange } from "../../setup/files/apply.ts";
import { fileAt, readBytes } from "../../setup/files/change.ts";
import { type Change, type Choices, planChanges } from "../../setup/plan.ts";
import { toStderr, toStdout } from "../../to-stderr.ts";
import { showDiff } from "./show.ts";

export interface Planned {
  changes: Change[];
  /** What can't be changed: it is told of, with the lines to put there, and the rest is done. */
  faults: { fault: string; lines: string }[];
}

export function changesOf(facts: Facts, choices: Choices): Planned {
  const faults = new Map<string, string>();
  const read = (path: string): string | undefined => {
    try {
      return readBytes(fileAt(path))?.toString("latin1");
    } catch (error) {
      faults.set(path, messageOf(error));
      return undefined;
    }
  };
  const changes = planChanges(facts, choices, read);
  return {
    changes: changes.filter(({ path }) => !faults.has(path)),
    faults: changes.flatMap(({ path, after }) => {
      const fault = faults.get(path);
      return fault === undefined ? [] : { fault, lines: after };
    }),
  };
}

/** Returns how many there are. */
export function tellFaults({ changes, faults }: Planned): number {
  if (changes.length + faults.length === 0) toStdout("nothing to change");
  for (const { fault, lines } of faults) {
    toStderr(`muxguard: left as it is: ${fault}`);
    toStdout("what is to be there:");
    showDiff(undefined, lines);
  }
  return faults.length;
}

/** Whether it was made. */
export function make(paths: Paths, change: Change): boolean {
  try {
    applyChange(paths, change);
    return true;
  } catch (error) {
    toStderr(`muxguard: ${messageOf(error)}`);
    return false;
  }
}

export function nextSteps({ shell, around }: Pick<Facts, "shell" | "around">): string[] {
  return [
    ...(shell.file === undefined ? [] : ["a new shell asks the guard; in this one: exec $SHELL"]),
    ...(around.includes("systemd")
      ? ["muxguard install-service lets systemd start it, and leads programs of the desktop to it"]
      : []),
    "muxguard status says what is guarded, and what is not",
    "muxguard init --undo takes these changes back",
  ];
}

/** What `muxguard init` prints: what it found, what it would change, and what it says beside. */

import { visible } from "../../policy/visible.ts";
import { diff } from "../../setup/diff.ts";
import type { Facts, FoundAgent } from "../../setup/facts.ts";
import { fileAt } from "../../setup/files/change.ts";
import type { Change } from "../../setup/plan.ts";
import { toStdout } from "../../to-stderr.ts";

/** Of a path or a name. */
const LONG = 300;
/** How many of a kind are named. */
const NAMED = 6;

export function showFacts(facts: Facts): void {
  const { shell, agents, keys, gitHosts, production, controlFolders, codingAgents, around, passing } = facts;
  const bare = keys.filter(({ encrypted }) => !encrypted).length;
  const rows: [string, string[]][] = [
    ["shell", [shell.file === undefined ? shell.name : `${shell.name} (${shell.file})`]],
    ["agents", agents.map(describeAgent)],
    ["past the guard", passing.map((where) => `IdentityAgent in ${where}`)],
    ["key files", keys.length === 0 ? [] : [`${keys.length}, ${bare} of them without a passphrase`]],
    ["shared connections", [...controlFolders]],
    ["git hosts", [...gitHosts]],
    ["production", [...production]],
    ["coding agents", [...codingAgents]],
    ["around", [...around]],
  ];
  toStdout("Found:");
  for (const [name, values] of rows) toStdout(`  ${name.padEnd(20)}${listed(values)}`);
  toStdout("");
}

function describeAgent({ path, from, answers }: FoundAgent): string {
  return `${path} (${from}${answers ? "" : ", does not answer"})`;
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, NAMED).map((value) => visible(value, LONG));
  const more = values.length - shown.length;
  return `${shown.join(", ") || "-"}${more > 0 ? ` and ${more} more` : ""}`;
}

/** @param wouldBe where nothing is done */
export function showChange({ path, why, before, after }: Change): void {
  const file = fileAt(path);
  const shown =
    file === path ? visible(path, LONG) : `${visible(path, LONG)}, a link to ${visible(file, LONG)}`;
  toStdout(`${before === undefined ? "new file" : "change"} ${shown}: ${why}`);
  showDiff(before, after);
}

/** @param before bytes as latin1 */
export function showDiff(before: string | undefined, after: string | undefined): void {
  for (const line of diff(before, after)) toStdout(`  ${Buffer.from(line, "latin1").toString("utf8")}`);
  toStdout("");
}

export function showNotes(notes: readonly string[]): void {
  for (const note of notes) toStdout(`- ${note}`);
}

/**
 * `muxguard init`: looks, proposes, shows each change as a diff, makes it, and can take it back. What inside of a
 * run could set it up differently, is refused.
 */
import { locatePaths, type Paths } from "../../settings/paths.ts";
import { look } from "../../setup/look/look.ts";
import { notesOf, proposed } from "../../setup/plan.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { demandOutside } from "../guards/outside.ts";
import { changesOf, make, nextSteps, type Planned, tellFaults } from "./make.ts";
import { showChange, showFacts, showNotes } from "./show.ts";
import { describeWays, findWaysToAsk } from "./ways.ts";

export interface InitOptions {
  yes?: boolean;
  dryRun?: boolean;
  undo?: boolean;
}

/** Returns the exit code: 1 where something could not be done. */
export async function init({ yes, dryRun, undo }: InitOptions): Promise<number> {
  demandOutside();
  if (undo) return (await import("./undo.ts")).undoInit(locatePaths(), dryRun ?? false);
  const asks = !yes && !dryRun;
  if (asks && !(process.stdin.isTTY && process.stdout.isTTY))
    throw new CliError(
      "muxguard init asks on a terminal; --yes takes what it proposes, --dry-run shows it",
      exitCodes.usage,
    );
  const paths = locatePaths();
  const facts = await look(paths, process.env);
  showFacts(facts);
  if (asks) return (await import("./interactive.ts")).initWithQuestions(paths, facts);
  const choices = proposed(facts);
  const failed = makeAll(paths, changesOf(facts, choices), dryRun ?? false);
  showNotes(notesOf(facts, choices));
  showNotes(describeWays(await findWaysToAsk(paths)));
  showNotes(dryRun ? ["nothing was changed"] : nextSteps(facts));
  return failed === 0 ? 0 : 1;
}

/** Returns how many failed. */
function makeAll(paths: Paths, planned: Planned, dryRun: boolean): number {
  let failed = tellFaults(planned);
  for (const change of planned.changes) {
    showChange(change);
    if (!dryRun && !make(paths, change)) failed++;
  }
  return failed;
}

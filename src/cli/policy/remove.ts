/** `muxguard policy remove`: takes a rule away by its name; all else stays byte for byte. */
import { basename } from "node:path";
import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import { rewrite } from "../../settings/editing/rewrite.ts";
import { rulesIn, withoutRule } from "../../settings/editing/rules.ts";
import type { PlacedRule } from "../../settings/findings/places.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { userPolicyFiles } from "../../settings/policy-files.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError } from "../cli-error.ts";
import { demandOutside } from "../guards/outside.ts";
import { forgetNamed } from "../remembered.ts";
import { placeOf, policyFor, policyOfFleet } from "./source.ts";

/** @param wanted a rule's name, or `FILE:LINE` as `list` has it, of rules that share one */
export async function policyRemove(wanted: string): Promise<void> {
  demandOutside();
  const paths = openPaths();
  const { rules, approved } = await policyFor(paths, undefined);
  const found = [...rules, ...approved].filter((one) => one.rule.name === wanted || placeOf(one) === wanted);
  const [first, ...others] = found;
  if (!first) throw await none(wanted, paths);
  if (others.length > 0)
    throw new CliError(`several rules are called so; say which one: ${found.map(placeOf).join(", ")}`, 1);
  // the log has what becomes of approved ones
  if (first.file === userPolicyFiles(paths).approved) return forgetNamed(first.file, first.at);
  for (const line of await take(first)) toStdout(`  | ${visible(line, 2000)}`);
  toStdout(`removed the rule "${visible(first.rule.name, 300)}" from ${basename(first.file)}`);
}

async function none(wanted: string, paths: Paths): Promise<CliError> {
  const why = (await policyOfFleet(await readConfig(paths), paths))?.whoChanges(wanted);
  const name = `"${visible(wanted, 300)}"`;
  return new CliError(
    why === undefined ? `no rule is called ${name} (muxguard policy list)` : `${name}: ${why}`,
    1,
  );
}

/** @returns the lines that are gone */
async function take({ file, at, rule }: PlacedRule): Promise<string[]> {
  let gone: string[] = [];
  await rewrite(file, (present = "", path = file) => {
    // somebody may have written there since
    if (rulesIn(file, present)[at]?.name !== rule.name)
      throw new CliError(`${file} has just changed; look again`, 1);
    const taken = withoutRule(path, present, at);
    gone = taken.gone.trimEnd().split("\n");
    return taken.next;
  });
  return gone;
}

/** Which policy a command is about: a file of its own, that of a scope, or the user's; and the fleet's around it. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import type { KnownPolicy } from "../../fleet/policy/known.ts";
import type { Policy, Rule } from "../../policy/policy.ts";
import { visible } from "../../policy/visible.ts";
import type { Config } from "../../settings/config.ts";
import {
  type Place,
  type PlacedPolicy,
  type PlacedRule,
  readPlaced,
} from "../../settings/findings/places.ts";
import type { Paths } from "../../settings/paths.ts";
import { userPolicyFiles } from "../../settings/policy-files.ts";
import { readScopes } from "../../settings/scopes.ts";
import { CliError, exitCodes } from "../cli-error.ts";

/**
 * @param file of `--policy`
 * @param scope the name of a run: config.toml may give it a policy of its own
 * @throws SettingsError for mistakes in it
 */
export async function policyFor(
  paths: Pick<Paths, "config">,
  file: string | undefined,
  scope?: string,
): Promise<PlacedPolicy> {
  const own = file ?? (scope === undefined ? undefined : (await readScopes(paths)).get(scope)?.policy);
  const { files, approved } = userPolicyFiles(paths);
  if (own === undefined) return readPlaced(files, [approved]);
  if (!statSync(own, { throwIfNoEntry: false }))
    throw new CliError(`${own}: no such policy file`, exitCodes.settings);
  return readPlaced([own], []);
}

/** What the fleet says, as it was kept; undefined where config.toml has no [fleet]. */
export async function policyOfFleet(
  { fleet }: Pick<Config, "fleet">,
  paths: Pick<Paths, "fleetPolicy" | "runtime">,
): Promise<KnownPolicy | undefined> {
  if (!fleet) return undefined;
  return (await import("../../fleet/policy/known.ts")).knownPolicy(fleet, paths);
}

/** A rule, and where it stands: one of the fleet's in no file of this machine's. */
export type Standing = Pick<PlacedRule, "rule"> & Partial<Place>;

/** All rules in the order in which a guard takes them. */
export interface Standings extends Omit<PlacedPolicy, "rules"> {
  rules: Standing[];
  /** What the fleet says, in a few words. */
  fleet?: string | undefined;
}

export function withFleet(placed: PlacedPolicy, fleet: KnownPolicy | undefined): Standings {
  if (!fleet) return placed;
  const policy: Policy = fleet.merge(placed.policy);
  const own = new Map<Rule, Standing>(placed.rules.map((one) => [one.rule, one]));
  const rules = policy.rules.map((rule) => own.get(rule) ?? { rule });
  return { ...placed, policy, rules, fleet: fleet.described };
}

/** `policy.toml:3`, as its folder is known. */
export function placeOf({ file, line }: Partial<Place>): string {
  return file === undefined ? "fleet" : `${visible(basename(file), 100)}:${line}`;
}

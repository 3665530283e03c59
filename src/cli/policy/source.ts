/** Which policy a command is about: a file of its own, that of a scope, or the user's. */
import { statSync } from "node:fs";
import { basename } from "node:path";
import { visible } from "../../policy/visible.ts";
import { type PlacedPolicy, type PlacedRule, readPlaced } from "../../settings/findings/places.ts";
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

/** `policy.toml:3`, as its folder is known. */
export function placeOf({ file, line }: Pick<PlacedRule, "file" | "line">): string {
  return `${visible(basename(file), 100)}:${line}`;
}

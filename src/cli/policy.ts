/** `muxguard policy check`: all that is wrong with the settings, or odd. */
import { checkPolicyFiles, checkUserSettings } from "../settings/check.ts";
import { openPaths } from "../settings/paths.ts";
import { exitCodes } from "./cli-error.ts";

/** @param files a policy of its own, as for `muxguard run --policy`; the user's settings where there are none */
export function policyCheck(files: readonly string[]): number {
  const checked = files.length > 0 ? checkPolicyFiles(files) : checkUserSettings(openPaths());
  const { errors, warnings, notes } = checked;
  const count = (found: readonly string[], name: string): string =>
    `${found.length} ${name}${found.length === 1 ? "" : "s"}`;
  const read =
    checked.files.length === 0 ? "no settings yet: everything is asked about" : count(checked.files, "file");
  const summary = `${read}, ${count(errors, "mistake")}, ${count(warnings, "warning")}`;
  process.stdout.write(`${[...errors, ...warnings, ...notes, summary].join("\n")}\n`);
  if (errors.length > 0) return exitCodes.settings;
  return warnings.length > 0 ? 1 : 0;
}

/** `muxguard policy check`: all that is wrong with the settings, or odd. */
import { hostsAtHand } from "../../identity/hosts/at-hand.ts";
import { checkPolicyFiles, checkUserSettings } from "../../settings/check.ts";
import { readConfig } from "../../settings/config.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { exitCodes } from "../cli-error.ts";
import { counted } from "../counted.ts";

/** @param files a policy of its own, as for `muxguard run --policy`; the user's settings where there are none */
export async function policyCheck(files: readonly string[], { json }: { json?: boolean }): Promise<number> {
  const paths = openPaths();
  const { sshConfig } = await readConfig(paths).catch(() => ({ sshConfig: undefined })); // told below
  const options = { hosts: await hostsAtHand(sshConfig) };
  const checked = files.length > 0 ? checkPolicyFiles(files, options) : checkUserSettings(paths, options);
  const { errors, warnings, notes, findings } = checked;
  const read =
    checked.files.length === 0
      ? "no settings yet: everything is asked about"
      : counted(checked.files.length, "file");
  const summary = `${read}, ${counted(errors.length, "mistake")}, ${counted(warnings.length, "warning")}`;
  if (json) for (const one of findings) toStdoutAsJson(JSON.stringify(one));
  else for (const line of [...errors, ...warnings, ...notes, summary]) toStdout(line);
  if (errors.length > 0) return exitCodes.settings;
  return warnings.length > 0 ? 1 : 0;
}

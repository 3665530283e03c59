/** `muxguard policy check`: all that is wrong with the settings, or odd. */
import { hostsAtHand } from "../../identity/hosts/at-hand.ts";
import { checkPolicyFiles, checkUserSettings } from "../../settings/check.ts";
import { readConfig } from "../../settings/config.ts";
import { describeFinding, type Finding } from "../../settings/findings/finding.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { exitCodes } from "../cli-error.ts";
import { counted } from "../counted.ts";
import { policyOfFleet } from "./source.ts";

/** @param files a policy of its own, as for `muxguard run --policy`; the user's settings where there are none */
export async function policyCheck(files: readonly string[], { json }: { json?: boolean }): Promise<number> {
  const paths = openPaths();
  const config = await readConfig(paths).catch(() => undefined); // told below
  const hosts = await hostsAtHand(config?.sshConfig);
  // of files alone it says what is in them: they may be the fleet's to be
  const fleet = files.length > 0 || !config ? undefined : await policyOfFleet(config, paths);
  const { merge, wrong = [] } = fleet ?? {};
  const ofFleet = wrong.map((text): Finding => ({ kind: "warning", file: paths.fleetPolicy, text }));
  const checked =
    files.length > 0 ? checkPolicyFiles(files, { hosts }) : checkUserSettings(paths, { hosts, merge });
  const { errors, notes } = checked;
  const warnings = [...checked.warnings, ...ofFleet.map(describeFinding)];
  const findings = [...checked.findings, ...ofFleet];
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

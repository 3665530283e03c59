/** `muxguard policy add`: a rule of flags, behind what is in the file, which stays as it is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { hostsAtHand } from "../../identity/hosts/at-hand.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { visible } from "../../policy/visible.ts";
import { HEADER } from "../../settings/approved-rules.ts";
import { checkUserSettings } from "../../settings/check.ts";
import { readConfig } from "../../settings/config.ts";
import { rewrite } from "../../settings/editing/rewrite.ts";
import { withRule } from "../../settings/editing/rules.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { demandOutside } from "../guards/outside.ts";
import { canAsk, choose } from "./choose.ts";
import { readFlags, ruleFlags } from "./flags.ts";
import { readSaid } from "./said.ts";
import { policyOfFleet } from "./source.ts";

export interface AddOptions {
  name: string;
  action: string;
  /** To approved.toml, where it answers a question and overrules nothing. */
  approved?: boolean;
  yes?: boolean;
  dryRun?: boolean;
}

/** @returns the exit code: 1 where nothing is written */
export async function policyAdd(options: AddOptions): Promise<number> {
  demandOutside();
  const paths = openPaths();
  const { name, action, approved } = options;
  if (name === "") throw new CliError("a rule needs a name: --name", exitCodes.usage);
  const { toml } = readSaid("policy", { name, ...readFlags({ ...options }, ruleFlags), action });
  const file = join(paths.config, approved ? "approved.toml" : "policy.toml");
  const findings = await newFindings(paths, file, toml);
  toStdout(`to ${visible(file, 400)}:`);
  for (const line of toml.trimEnd().split("\n")) toStdout(`  | ${visible(line, 2000)}`);
  for (const line of findings) toStdout(line);
  if (options.dryRun || !(await isWanted(options))) {
    toStdout("nothing is written");
    return options.dryRun ? 0 : 1;
  }
  if (!existsSync(paths.config)) ensurePrivateFolder(paths.config);
  await rewrite(file, (present = approved ? HEADER : "") => withRule(present, toml));
  toStdout("written");
  return 0;
}

async function isWanted({ yes }: AddOptions): Promise<boolean> {
  if (yes) return true;
  if (!canAsk()) {
    toStdout("without a terminal, --yes writes it");
    return false;
  }
  return (await choose("Write it? [y/N]", "yn", "n")) === "y";
}

/** What there is to say of the policy with the rule, and was not before. @throws SettingsError for one with mistakes */
async function newFindings(paths: Paths, file: string, toml: string): Promise<string[]> {
  const present = existsSync(file) ? readRegularFile(file, "followed") : "";
  const texts = new Map([[file, withRule(present, toml)]]);
  const config = await readConfig(paths);
  const merge = (await policyOfFleet(config, paths))?.merge;
  const hosts = await hostsAtHand(config.sshConfig);
  const before = checkUserSettings(paths, { hosts, merge });
  const after = checkUserSettings(paths, { hosts, merge, texts });
  const [first, ...more] = after.errors;
  if (first !== undefined) throw new SettingsError(first, ...more);
  return [...after.warnings, ...after.notes].filter(
    (line) => !before.warnings.includes(line) && !before.notes.includes(line),
  );
}

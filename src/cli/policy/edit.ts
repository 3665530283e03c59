/**
 * `muxguard policy edit`, as visudo(8): a copy is edited, checked, and put in place in one step. What has a
 * mistake never comes there.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hostsAtHand } from "../../identity/hosts/at-hand.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { visible } from "../../policy/visible.ts";
import { checkPolicyFiles, checkUserSettings } from "../../settings/check.ts";
import { readConfig } from "../../settings/config.ts";
import { rewrite } from "../../settings/editing/rewrite.ts";
import { readPlaced } from "../../settings/findings/places.ts";
import { openPaths, type Paths } from "../../settings/paths.ts";
import { userPolicyFiles } from "../../settings/policy-files.ts";
import { toStdout } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { demandOutside } from "../guards/outside.ts";
import { casesOf, describe, resultsOf } from "./cases.ts";
import { canAsk, choose } from "./choose.ts";
import { runEditor } from "./editor.ts";
import { policyOfFleet } from "./source.ts";

const TEMPLATE = "# The first rule that matches wins: muxguard policy explain --help\n";

/** @param name of one of the user's settings files. @returns the exit code */
export async function policyEdit(name: string): Promise<number> {
  demandOutside();
  const paths = openPaths();
  await demandOwn(paths, name);
  const file = settingsFile(paths, name);
  ensurePrivateFolder(paths.config);
  ensurePrivateFolder(dirname(file));
  const folder = mkdtempSync(join(paths.config, ".edit-"));
  try {
    return await editCopy(paths, file, join(folder, basename(file)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @throws CliError for a rule of the fleet's, which is in none of them */
async function demandOwn(paths: Paths, name: string): Promise<void> {
  if (!name.startsWith("fleet: ")) return;
  const why = (await policyOfFleet(await readConfig(paths), paths))?.whoChanges(name);
  if (why !== undefined) throw new CliError(`"${visible(name, 300)}": ${why}`, 1);
}

/** @throws CliError for what is none of them */
function settingsFile({ config }: Paths, name: string): string {
  const own = name.startsWith(`${config}/`) ? name.slice(config.length + 1) : name;
  if (/^(?:(?:policy|approved|config)\.toml|policy\.d\/[^/.][^/]*\.toml)$/.test(own))
    return join(config, own);
  const known = "policy.toml, policy.d/NAME.toml, approved.toml or config.toml";
  throw new CliError(`${name} is no settings file of yours: ${known}`, exitCodes.usage);
}

async function editCopy(paths: Paths, file: string, copy: string): Promise<number> {
  let base = presentText(file);
  const begun = base ?? TEMPLATE;
  writeFileSync(copy, begun, { mode: 0o600 });
  for (;;) {
    await runEditor(copy);
    const text = readRegularFile(copy);
    if (text === begun || text === base) {
      toStdout(`${visible(file, 400)}: unchanged`);
      return 0;
    }
    const { lines, isBroken } = await judge(paths, file, text);
    for (const line of lines) toStdout(line);
    const wanted = await whatNow(isBroken, lines.length > 0);
    if (wanted === "edit") continue;
    if (wanted === "discard") return discarded(isBroken ? exitCodes.settings : 1);
    const found = await putInPlace(file, base, text);
    if (found === "written") return 0;
    toStdout(`${visible(file, 400)} was changed meanwhile`);
    if ((await whatNow(true, true)) === "discard") return discarded(1);
    base = found.present;
  }
}

function discarded(code: number): number {
  toStdout("discarded: nothing is changed");
  return code;
}

/** Of what has a mistake, "keep" is no choice. */
async function whatNow(isBroken: boolean, isDoubtful: boolean): Promise<"keep" | "edit" | "discard"> {
  if (!isDoubtful) return "keep";
  if (!canAsk()) return isBroken ? "discard" : "keep";
  const answer = isBroken
    ? await choose("What now? (e)dit again, (d)iscard:", "ed", "e")
    : await choose("What now? (k)eep it, (e)dit again, (d)iscard:", "ked", "k");
  return answer === "k" ? "keep" : answer === "e" ? "edit" : "discard";
}

function presentText(file: string): string | undefined {
  return statSync(file, { throwIfNoEntry: false }) ? readRegularFile(file, "followed") : undefined;
}

/** What there is to say of the settings with the new text, and whether it has a mistake. */
async function judge(
  paths: Paths,
  file: string,
  text: string,
): Promise<{ lines: string[]; isBroken: boolean }> {
  const config = await readConfig(paths).catch(() => undefined);
  const fleet = config && (await policyOfFleet(config, paths));
  const options = { texts: new Map([[file, text]]), hosts: await hostsAtHand(config?.sshConfig) };
  const all = checkUserSettings(paths, { ...options, merge: fleet?.merge });
  // a new one of policy.d is not among them yet
  const checked = all.files.includes(file) ? all : checkPolicyFiles([file], options);
  const { errors, warnings, findings } = checked;
  const isBroken = findings.some((one) => one.kind === "error" && one.file === file);
  return {
    lines: [...errors, ...warnings, ...(isBroken ? [] : failedCases(paths, options.texts))],
    isBroken,
  };
}

/** The cases beside the policy that no longer hold. */
function failedCases(paths: Paths, texts: ReadonlyMap<string, string>): string[] {
  const { files, approved } = userPolicyFiles(paths);
  const cases = casesOf(join(paths.config, "policy.toml"));
  if (!statSync(cases, { throwIfNoEntry: false })) return [];
  try {
    const { policy } = readPlaced(files, [approved], texts);
    return resultsOf(policy, cases)
      .filter(({ ok }) => !ok)
      .map(describe);
  } catch (error) {
    return [`${visible(cases, 400)}: not tried: ${error instanceof Error ? error.message : error}`];
  }
}

async function putInPlace(
  file: string,
  base: string | undefined,
  text: string,
): Promise<"written" | { present: string | undefined }> {
  let other: { present: string | undefined } | undefined;
  const kind = basename(file) === "config.toml" ? "config" : "policy";
  const change = (present: string | undefined): string | undefined => {
    if (present === base) return text;
    other = { present };
    return undefined;
  };
  await rewrite(file, change, kind);
  if (other) return other;
  toStdout(`${visible(file, 400)} is in place`);
  return "written";
}

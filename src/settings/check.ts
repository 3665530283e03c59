/** All that there is to say of the settings: mistakes, warnings and notes, each with its place. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { checkPolicy } from "../policy/check.ts";
import { emptyPolicy, type Rule } from "../policy/policy.ts";
import type { PolicyFile } from "../policy/schema.ts";
import { visible } from "../policy/visible.ts";
import type { Paths } from "./paths.ts";
import { rulesOf, userPolicyFiles } from "./policy-files.ts";
import { SettingsError } from "./settings-error.ts";
import { checkSettings } from "./toml-file.ts";
import { TomlPlaces } from "./toml-places.ts";

export interface Checked {
  /** The files that were read. */
  files: string[];
  errors: string[];
  warnings: string[];
  notes: string[];
}

/** A rule, and where it is. */
interface Placed {
  rule: Rule;
  file: string;
  at: number;
  places: TomlPlaces;
}

/** The user's own settings. */
export function checkUserSettings(paths: Pick<Paths, "config">): Checked {
  const { files, approved } = userPolicyFiles(paths);
  const config = join(paths.config, "config.toml");
  const checked = checkPolicyFiles(files.filter(isThere));
  for (const file of [approved, config].filter(isThere)) {
    checked.files.push(file);
    read(file, file === config ? "config" : "policy", checked.errors);
  }
  return checked;
}

/** @param files of one policy, in their order */
export function checkPolicyFiles(files: readonly string[]): Checked {
  const checked: Checked = { files: [...files], errors: [], warnings: [], notes: [] };
  const placed: Placed[] = [];
  let fallback: PolicyFile["default"];
  for (const file of files) {
    const found = read(file, "policy", checked.errors);
    if (!found) continue;
    const content = found.content as PolicyFile;
    fallback ??= content.default;
    const places = new TomlPlaces(found.text);
    placed.push(...rulesOf({ file, content }).map((rule, at) => ({ rule, file, at, places })));
  }
  const rules = placed.map(({ rule }) => rule);
  for (const { kind, rule, field, text } of checkPolicy({
    rules,
    default: fallback ?? emptyPolicy.default,
  })) {
    const { file, at, places } = placed[rule] as Placed;
    const { line, column } = places.position(["rule", at, ...(field === undefined ? [] : [field])], "key");
    const about = field === undefined || kind === "note" ? "" : `${field} `;
    const said = `${visible(file, 400)}:${line}:${column}: ${kind}: ${visible(`${about}${text}`, 400)}`;
    checked[kind === "warning" ? "warnings" : "notes"].push(said);
  }
  return checked;
}

function read(
  file: string,
  kind: "config" | "policy",
  errors: string[],
): { text: string; content: ReturnType<typeof checkSettings> } | undefined {
  try {
    const text = readRegularFile(file, "followed");
    return { text, content: checkSettings(file, kind, text) };
  } catch (error) {
    if (error instanceof SettingsError) errors.push(...error.faults);
    else errors.push(error instanceof Error ? visible(error.message, 400) : String(error));
    return undefined;
  }
}

function isThere(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** All that there is to say of the settings: mistakes, warnings and notes, each with its place. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import { readRegularFile } from "../platform/files/regular-file.ts";
import { checkApproved, checkPolicy } from "../policy/check/check.ts";
import type { Remark } from "../policy/check/remark.ts";
import { emptyPolicy, type Policy, type Rule } from "../policy/policy.ts";
import type { PolicyFile } from "../policy/schema.ts";
import { visible } from "../policy/visible.ts";
import type { ConfigFile } from "./config-schema.ts";
import { expandHome } from "./expand-home.ts";
import { describeFinding, type Finding } from "./findings/finding.ts";
import { type KnownHostNames, unknownHosts } from "./findings/hosts.ts";
import type { Paths } from "./paths.ts";
import { rulesOf, userPolicyFiles } from "./policy-files.ts";
import { SettingsError } from "./settings-error.ts";
import { checkSettings } from "./toml-file.ts";
import { TomlPlaces } from "./toml-places.ts";

export interface Checked {
  /** The files that were read. */
  files: string[];
  findings: Finding[];
  /** The same in lines. */
  errors: string[];
  warnings: string[];
  notes: string[];
}

/** What a policy is checked with. */
export interface CheckOptions {
  /** Undefined where nobody looked. */
  hosts?: KnownHostNames | undefined;
  /** What a file is about to hold, by its path. */
  texts?: ReadonlyMap<string, string>;
  /** A policy with the rules that a guard puts around its own, which nothing is said of. */
  merge?: ((own: Policy) => Policy) | undefined;
}

/** A rule, and where it is. */
interface Placed {
  rule: Rule;
  file: string;
  at: number;
  places: TomlPlaces;
}

/** The user's own settings. */
export function checkUserSettings(paths: Pick<Paths, "config">, options: CheckOptions = {}): Checked {
  const { files, approved } = userPolicyFiles(paths);
  const config = join(paths.config, "config.toml");
  const isThere = (file: string): boolean =>
    options.texts?.has(file) === true || statSync(file, { throwIfNoEntry: false }) !== undefined;
  const policy = files.filter(isThere);
  const others = [approved, config].filter(isThere);
  const ofScopes = scopePolicies(config, options).map((path) => resolve(paths.config, path));
  const findings = [
    ...findInPolicy(policy, options),
    ...others.flatMap((file) => findInOther(file, file === config, options)),
    ...ofScopes.flatMap((file) => findInPolicy([file], options)),
  ];
  return checked([...policy, ...others, ...ofScopes], findings);
}

/** Policies of their own that [scope.NAME] of config.toml names. What is wrong there is told with the file. */
function scopePolicies(config: string, options: CheckOptions): string[] {
  const found = read(config, "config", [], options);
  const { scope = {} } = (found?.content ?? {}) as ConfigFile;
  const files = Object.values(scope).flatMap(({ policy }) =>
    policy === undefined ? [] : expandHome(policy),
  );
  return [...new Set(files)];
}

/** @param files of one policy, in their order */
export function checkPolicyFiles(
  files: readonly string[],
  options: Omit<CheckOptions, "merge"> = {},
): Checked {
  return checked(files, findInPolicy(files, options));
}

function checked(files: readonly string[], findings: Finding[]): Checked {
  const lines = (kind: Finding["kind"]): string[] =>
    findings.filter((one) => one.kind === kind).map(describeFinding);
  return {
    files: [...files],
    findings,
    errors: lines("error"),
    warnings: lines("warning"),
    notes: lines("note"),
  };
}

function findInPolicy(files: readonly string[], options: CheckOptions): Finding[] {
  const findings: Finding[] = [];
  const placed: Placed[] = [];
  let fallback: PolicyFile["default"];
  for (const file of files) {
    const found = read(file, "policy", findings, options);
    if (!found) continue;
    const content = found.content as PolicyFile;
    fallback ??= content.default;
    placed.push(...placedRules(file, content, found.text));
  }
  const rules = placed.map(({ rule }) => rule);
  const remarks = remarksOn({ ...emptyPolicy, rules, ...(fallback && { default: fallback }) }, options);
  const { hosts } = options;
  const unknown = rules.flatMap((rule, at) =>
    hosts ? unknownHosts(rule, hosts).map((found): Remark => ({ rule: at, ...found })) : [],
  );
  const all = [...remarks, ...unknown].sort((one, other) => one.rule - other.rule);
  return [...findings, ...all.map((remark) => placeOf(remark, placed))];
}

/** By the places of its own rules. */
function remarksOn(own: Policy, { merge }: CheckOptions): Remark[] {
  if (!merge) return checkPolicy(own);
  const all = merge(own);
  const places = new Map(own.rules.map((rule, at) => [rule, at]));
  const placeOf = (at: number): number | undefined => places.get(all.rules[at] as Rule);
  return checkPolicy(all).flatMap(({ rule: at, other: about, ...remark }): Remark[] => {
    const rule = placeOf(at);
    if (rule === undefined) return [];
    const other = about === undefined ? undefined : placeOf(about);
    return [{ ...remark, rule, ...(other !== undefined && { other }) }];
  });
}

/** approved.toml and config.toml. */
function findInOther(file: string, isConfig: boolean, options: CheckOptions): Finding[] {
  const findings: Finding[] = [];
  const found = read(file, isConfig ? "config" : "policy", findings, options);
  if (!found || isConfig) return findings;
  const placed = placedRules(file, found.content as PolicyFile, found.text);
  return checkApproved(placed.map(({ rule }) => rule)).map((remark) => placeOf(remark, placed));
}

function placedRules(file: string, content: PolicyFile, text: string): Placed[] {
  const places = new TomlPlaces(text);
  return rulesOf({ file, content }).map((rule, at) => ({ rule, file, at, places }));
}

function placeOf({ kind, rule: index, field, text, other }: Remark, placed: readonly Placed[]): Finding {
  const { rule, file, at, places } = placed[index] as Placed;
  const { line, column } = places.position(["rule", at, ...(field === undefined ? [] : [field])], "key");
  const about = other === undefined ? undefined : placed[other];
  const { line: first } = about?.places.position(["rule", about.at], "key") ?? {};
  const where = !about ? "" : about.file === file ? ` (line ${first})` : ` (${about.file}:${first})`;
  return {
    ...{ kind, file, line, column, rule: rule.name },
    ...(field !== undefined && { field }),
    text: `${text}${where}`,
  };
}

function read(
  file: string,
  kind: "config" | "policy",
  findings: Finding[],
  { texts }: CheckOptions,
): { text: string; content: ReturnType<typeof checkSettings> } | undefined {
  try {
    const text = texts?.get(file) ?? readRegularFile(file, "followed");
    return { text, content: checkSettings(file, kind, text) };
  } catch (error) {
    findings.push(...errorsIn(file, error));
    return undefined;
  }
}

function errorsIn(file: string, error: unknown): Finding[] {
  const withoutFile = (line: string): string =>
    line.startsWith(`${file}: `) ? line.slice(file.length + 2) : line;
  if (!(error instanceof SettingsError))
    return [{ kind: "error", file, text: withoutFile(visible(messageOf(error), 400)) }];
  return error.all.map(({ line, at }) => ({ kind: "error", file, ...(at ?? { text: withoutFile(line) }) }));
}

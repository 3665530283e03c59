/** `muxguard policy test`: requests, and what the policy is to say of them. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { readRegularFile } from "../../platform/files/regular-file.ts";
import { rulingOn } from "../../policy/explain/explain.ts";
import { describeRuling } from "../../policy/explain/words.ts";
import { callerOf, contradictions, requestOf } from "../../policy/facts/facts.ts";
import type { PolicyCase } from "../../policy/facts/schema.ts";
import type { Policy } from "../../policy/policy.ts";
import { visible } from "../../policy/visible.ts";
import { openPaths } from "../../settings/paths.ts";
import { SettingsError } from "../../settings/settings-error.ts";
import { checkSettings } from "../../settings/toml-file.ts";
import { TomlPlaces } from "../../settings/toml-places.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { CliError } from "../cli-error.ts";
import { counted } from "../counted.ts";
import { policyFor } from "./source.ts";

export interface CasesOptions {
  policy?: string;
  json?: boolean;
}

interface Result {
  name: string;
  file: string;
  line: number;
  ok: boolean;
  expected: string;
  /** What the policy says, and why. */
  action: string;
  by: string;
  because: string;
}

/** @param files of cases; default: beside the policy. @returns the exit code */
export async function policyTest(files: readonly string[], options: CasesOptions): Promise<number> {
  const paths = openPaths();
  const own = join(paths.config, "policy.toml");
  const beside = casesOf(options.policy ?? own);
  const isThere = statSync(beside, { throwIfNoEntry: false }) !== undefined;
  if (files.length === 0 && !isThere) throw new CliError(`no cases: ${beside} is not there`, 1);
  const { policy } = await policyFor(paths, options.policy);
  const results = (files.length > 0 ? files : [beside]).flatMap((file) => resultsOf(policy, file));
  if (results.length === 0) throw new CliError("no cases: no [[case]] in the file", 1);
  const failed = results.filter(({ ok }) => !ok);
  for (const one of results)
    if (options.json) toStdoutAsJson(JSON.stringify(one));
    else toStdout(describe(one));
  if (!options.json) toStdout(`${counted(results.length, "case")}, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
}

/** `policy.test.toml`, beside `policy.toml`. */
export function casesOf(policy: string): string {
  return `${policy.replace(/\.toml$/, "")}.test.toml`;
}

/** @throws SettingsError */
export function resultsOf(policy: Policy, file: string): Result[] {
  const text = readRegularFile(file, "followed");
  const { case: cases = [] } = checkSettings(file, "cases", text);
  const places = new TomlPlaces(text);
  const lineOf = (at: number): number => places.position(["case", at], "key").line;
  const faults = cases.flatMap((one, at) =>
    contradictions(factsOf(one)).map(
      (text) => `${visible(file, 400)}:${lineOf(at)}:1: ${visible(text, 400)}`,
    ),
  );
  const [first, ...more] = faults;
  if (first !== undefined) throw new SettingsError(first, ...more);
  return cases.map((one, at) => ({ ...resultOf(policy, one, at), file, line: lineOf(at) }));
}

function factsOf({ name: _, expect: __, by: ___, ...facts }: PolicyCase) {
  return facts;
}

function resultOf(policy: Policy, one: PolicyCase, at: number): Omit<Result, "file" | "line"> {
  const { name = `case ${at + 1}`, expect: expected, by: wanted } = one;
  const ruling = rulingOn(policy, requestOf(factsOf(one)), callerOf(factsOf(one)));
  const { action, by } = ruling;
  const isBy = wanted === undefined || by === wanted || by === `rule:${wanted}`;
  return {
    ...{ name, ok: action === expected && isBy, action, by, because: describeRuling(ruling) },
    expected: wanted === undefined ? expected : `${expected} by "${wanted}"`,
  };
}

/** `ok    git may fetch`, `FAIL  no prod: expected deny, is ask: the default (policy.test.toml:3)` */
export function describe({ ok, name, expected, action, because, file, line }: Result): string {
  if (ok) return `ok    ${visible(name, 300)}`;
  const place = `${visible(file, 400)}:${line}`;
  return `FAIL  ${visible(name, 300)}: expected ${visible(expected, 300)}, is ${action}: ${because} (${place})`;
}

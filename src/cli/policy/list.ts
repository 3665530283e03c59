/** `muxguard policy list`: the rules in their order, with their places. */
import { formatDuration } from "../../policy/duration.ts";
import { formatTable } from "../../policy/exact-rule.ts";
import type { Rule } from "../../policy/policy.ts";
import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStderr, toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { placeOf, policyFor, policyOfFleet, type Standing, withFleet } from "./source.ts";

export interface ListOptions {
  policy?: string;
  json?: boolean;
}

export async function policyList({ policy: file, json }: ListOptions): Promise<void> {
  const paths = openPaths();
  const own = await policyFor(paths, file);
  const fleet = file === undefined ? await policyOfFleet(await readConfig(paths), paths) : undefined;
  const { policy, rules, approved, default: at, fleet: said } = withFleet(own, fleet);
  for (const line of fleet?.wrong ?? []) toStderr(`muxguard: ${line}`);
  if (json) {
    for (const one of rules) toStdoutAsJson(JSON.stringify(facts(one, false)));
    for (const one of approved) toStdoutAsJson(JSON.stringify(facts(one, true)));
    toStdoutAsJson(JSON.stringify({ default: policy.default, ...at, fleet: said }));
    return;
  }
  const width = Math.max(0, ...[...rules, ...approved].map((one) => placeOf(one).length));
  for (const one of rules) toStdout(describe(one, width));
  toStdout(`default = "${policy.default}"${at ? ` (${placeOf(at)})` : ""}`);
  if (said !== undefined) toStdout(`the fleet's: ${said}`);
  if (approved.length > 0) toStdout("these answer what is asked:");
  for (const one of approved) toStdout(describe(one, width));
}

function facts({ rule, file, line }: Standing, isApproved: boolean): object {
  const { name, action } = rule;
  const isFleet = file === undefined && { fleet: true };
  return { name, action, file, line, ...isFleet, approved: isApproved, rule: written(rule) };
}

/** Durations as they stand in a file. */
function written({ remember, timeout, ...rule }: Rule): object {
  return {
    ...rule,
    ...(remember !== undefined && { remember: remember === "never" ? remember : formatDuration(remember) }),
    ...(timeout !== undefined && { timeout: formatDuration(timeout) }),
  };
}

/** `policy.toml:3  deny   "no prod"  host = "prod", user = "root"` */
function describe(placed: Standing, width: number): string {
  const { name, action } = placed.rule;
  const { name: _, action: __, ...fields } = written(placed.rule) as Partial<Rule>;
  const [, ...says] = formatTable("rule", fields);
  const what = says.length === 0 ? "" : `  ${visible(says.join(", "), 1000)}`;
  return `${placeOf(placed).padEnd(width)}  ${action.padEnd(5)}  "${visible(name, 300)}"${what}`;
}

/** `muxguard policy list`: the rules in their order, with their places. */
import { formatDuration } from "../../policy/duration.ts";
import { formatTable } from "../../policy/exact-rule.ts";
import type { Rule } from "../../policy/policy.ts";
import { visible } from "../../policy/visible.ts";
import type { PlacedRule } from "../../settings/findings/places.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { placeOf, policyFor } from "./source.ts";

export interface ListOptions {
  policy?: string;
  json?: boolean;
}

export async function policyList({ policy: file, json }: ListOptions): Promise<void> {
  const { policy, rules, approved, default: at } = await policyFor(openPaths(), file);
  if (json) {
    for (const one of rules) toStdoutAsJson(JSON.stringify(facts(one, false)));
    for (const one of approved) toStdoutAsJson(JSON.stringify(facts(one, true)));
    toStdoutAsJson(JSON.stringify({ default: policy.default, ...at }));
    return;
  }
  const width = Math.max(0, ...[...rules, ...approved].map((one) => placeOf(one).length));
  for (const one of rules) toStdout(describe(one, width));
  toStdout(`default = "${policy.default}"${at ? ` (${placeOf(at)})` : ""}`);
  if (approved.length > 0) toStdout("these answer what is asked:");
  for (const one of approved) toStdout(describe(one, width));
}

function facts({ rule, file, line }: PlacedRule, isApproved: boolean): object {
  return { name: rule.name, action: rule.action, file, line, approved: isApproved, rule: written(rule) };
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
function describe(placed: PlacedRule, width: number): string {
  const { name, action } = placed.rule;
  const { name: _, action: __, ...fields } = written(placed.rule) as Partial<Rule>;
  const [, ...says] = formatTable("rule", fields);
  const what = says.length === 0 ? "" : `  ${visible(says.join(", "), 1000)}`;
  return `${placeOf(placed).padEnd(width)}  ${action.padEnd(5)}  "${visible(name, 300)}"${what}`;
}

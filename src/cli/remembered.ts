/**
 * `muxguard grants` and `muxguard forget`: the answers that are remembered, by guards as long as they hold, and
 * as rules in approved.toml.
 */

import { AuditLog } from "../audit/log.ts";
import { logControl } from "../daemon/control-log.ts";
import { openRegular } from "../platform/files/regular-file.ts";
import { describeDuration } from "../policy/duration.ts";
import type { GrantFacts } from "../policy/grants.ts";
import { visible } from "../policy/visible.ts";
import { askGuard } from "../rpc/replies.ts";
import { type ApprovedRule, approvedRules, removeRule } from "../settings/approved-rules.ts";
import { openPaths } from "../settings/paths.ts";
import { userPolicyFiles } from "../settings/policy-files.ts";
import { toStdout, toStdoutAsJson } from "../to-stderr.ts";
import { CliError, exitCodes } from "./cli-error.ts";
import { counted } from "./counted.ts";
import { eachGuard } from "./guards/guards.ts";
import { demandOutside } from "./guards/outside.ts";

/** What a rule's name may have on a screen, in characters. */
const MAX_NAME = 300;

export async function grants({ json }: { json?: boolean }): Promise<void> {
  const all = (await eachGuard((guard) => askGuard(guard, "grants", null))).flat();
  const lines = all.map(json ? (grant) => JSON.stringify(grant) : describeGrant);
  for (const line of lines) (json ? toStdoutAsJson : toStdout)(line);
  const rules = approvedRules(userPolicyFiles(openPaths()).approved);
  if (lines.length + rules.length === 0 && !json) toStdout("nothing is remembered");
  for (const one of rules) {
    if (json) toStdoutAsJson(JSON.stringify(ruleFacts(one)));
    else toStdout(describeRule(one));
  }
}

function ruleFacts({ id, rule }: ApprovedRule): object {
  return { id, decision: rule.action, what: visible(rule.name, MAX_NAME), left: "always" };
}

/** `h7m2qd  allow  always: git (through ssh): log in to github.com as git (approved.toml)` */
function describeRule({ id, rule: { action, name } }: ApprovedRule): string {
  return `${id}  ${action.padEnd(5)}  ${visible(name, MAX_NAME)} (approved.toml)`;
}

/** `k3f9x2  allow  git: log in to github.com as git with key "work", for 4 minutes` */
function describeGrant({ id, decision, what, left, suspended }: GrantFacts): string {
  const note = suspended ? " (suspended until the screen is unlocked)" : "";
  return `${id}  ${decision.padEnd(5)}  ${what}, ${describeLeft(left)}${note}`;
}

function describeLeft(left: GrantFacts["left"]): string {
  if (typeof left === "string") return ends[left];
  const minutes = Math.ceil(left / 60_000);
  return `for ${describeDuration(left < 60_000 ? Math.ceil(left / 1000) * 1000 : minutes * 60_000)}`;
}

const ends: Record<GrantFacts["left"] & string, string> = {
  run: "until the run ends",
  session: "until its session ends",
  connection: "while its connection lasts",
  terminal: "while its terminal is open",
  program: "until its program ends",
};

export async function forget(id: string | undefined, { all }: { all?: boolean }): Promise<void> {
  if (id !== undefined && all)
    throw new CliError("either the id of an answer or --all, not both", exitCodes.usage);
  if (!id && !all) throw new CliError("which answer? its id (muxguard grants), or --all", exitCodes.usage);
  if (all) return forgetAll();
  const grants = (await eachGuard((guard) => askGuard(guard, "grants", "forget"))).flat();
  const { approved } = userPolicyFiles(openPaths());
  const rule = onlyOne(id ?? "", grants, approvedRules(approved));
  if (typeof rule !== "string") return forgetRule(approved, rule);
  const counts = await eachGuard((guard) => askGuard(guard, "forget", rule));
  toStdout(`forgot ${counted(sumOf(counts), "answer")}`);
}

/** Of answers: a rule was read before it was written, and goes when it is named. */
async function forgetAll(): Promise<void> {
  const counts = await eachGuard((guard) => askGuard(guard, "forget", ""));
  toStdout(`forgot ${counted(sumOf(counts), "answer")}`);
  const { length } = approvedRules(userPolicyFiles(openPaths()).approved);
  const stay = length === 1 ? "stays" : "stay";
  if (length > 0) toStdout(`${counted(length, "rule")} of approved.toml ${stay} (muxguard forget ID)`);
}

/** @param at which rule of the file, from 0. @throws as forgetRule() */
export async function forgetNamed(approved: string, at: number): Promise<void> {
  const rule = approvedRules(approved)[at];
  if (!rule) throw new CliError("the rule is gone already", 1);
  await forgetRule(approved, rule);
}

/** @throws Error inside of a run, or if the log can't be written */
async function forgetRule(approved: string, { id, rule }: ApprovedRule): Promise<void> {
  const self = demandOutside();
  const log = new AuditLog(openPaths().log, openRegular);
  logControl(log, self, "forget", `rule "${rule.name}"`);
  log.close();
  if (!(await removeRule(approved, id))) throw new CliError(`the rule ${id} is gone already`, 1);
  toStdout(`forgot the rule "${visible(rule.name, MAX_NAME)}"`);
}

/** The one whose id begins so: the id of an answer, or a rule. @throws CliError */
function onlyOne(
  prefix: string,
  grants: readonly GrantFacts[],
  rules: readonly ApprovedRule[],
): string | ApprovedRule {
  const all = new Map<string, string | ApprovedRule>([
    ...grants.map(({ id }) => [id, id] as const),
    ...rules.map((rule) => [rule.id, rule] as const),
  ]);
  const [found, ...others] = [...all.keys()].filter((id) => id.startsWith(prefix));
  const one = found === undefined ? undefined : all.get(found);
  if (one === undefined) throw new CliError(`no answer ${prefix} is remembered (muxguard grants)`, 1);
  if (others.length > 0) throw new CliError(`several answers begin with ${prefix} (muxguard grants)`, 1);
  return one;
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, one) => sum + one, 0);
}

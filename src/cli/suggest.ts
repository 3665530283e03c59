/**
 * `muxguard suggest`: rules that would have answered what people were asked. A person picks them one by one;
 * nothing is picked beforehand.
 */
import { attempt } from "../attempt.ts";
import { loggedRequest } from "../audit/logged.ts";
import { describeProgram } from "../policy/describe/caller.ts";
import { describeDecision } from "../policy/describe/decision.ts";
import { describeRequest } from "../policy/describe/request.ts";
import { formatRule } from "../policy/exact-rule.ts";
import { type Logged, type Suggested, type Suggestion, suggest } from "../policy/suggest/suggest.ts";
import { visible } from "../policy/visible.ts";
import { addRule } from "../settings/approved-rules.ts";
import { readConfig } from "../settings/config.ts";
import { openPaths, type Paths } from "../settings/paths.ts";
import { userPolicy, userPolicyFiles } from "../settings/policy-files.ts";
import { toStderr, toStdout, toStdoutAsJson } from "../to-stderr.ts";
import { counted } from "./counted.ts";
import { demandOutside } from "./guards/outside.ts";
import { parseEvent } from "./log/fields.ts";
import { startTime } from "./log/filter.ts";
import { Tail } from "./log/tail.ts";
import { policyOfFleet } from "./policy/source.ts";
import { isStopped, prompt } from "./setup/prompts.ts";

/** Of the questions that a rule would have answered, and of what else it lets through. */
const EXAMPLES = 3;
/** What a line of a rule may have on a screen, in characters. */
const MAX_LINE = 2000;

export async function suggestRules({ json, since }: { json?: boolean; since?: string }): Promise<void> {
  const paths = openPaths();
  const config = await readConfig(paths);
  const policy = userPolicy(paths, config);
  await policy.load();
  const own = await policy.current();
  const fleet = await policyOfFleet(config, paths);
  for (const line of fleet?.wrong ?? []) toStderr(`muxguard: ${line}`);
  // a rule that the fleet overrules answers nothing, and is not offered
  const found = suggest(fleet?.merge(own) ?? own, entries(paths, since));
  if (json) for (const one of found.suggestions) toStdoutAsJson(JSON.stringify(facts(one, found)));
  else await offer(found, userPolicyFiles(paths).approved);
}

/** What was denied counts whenever that was. */
function entries({ log }: Paths, since: string | undefined): Logged[] {
  const from = since === undefined ? 0 : startTime(since).getTime();
  const all = [...new Tail(log).lines()].flatMap((line) => {
    const event = parseEvent(line);
    return (event && attempt(() => loggedRequest(event))) ?? [];
  });
  return all.filter(({ time, decision }) => decision === "deny" || time >= from);
}

function facts({ rule, answers, also }: Suggestion, { asked }: Suggested): object {
  const entry = (one: Logged) => ({
    id: one.id,
    time: new Date(one.time).toISOString(),
    what: describe(one),
  });
  const { name, ...fields } = rule;
  return {
    name,
    rule: { name, ...fields },
    toml: `${formatRule(rule).join("\n")}\n`,
    answers: answers.length,
    asked,
    examples: answers.map(entry),
    also: also.map((one) => ({ ...entry(one), decision: one.decision, by: one.by })),
  };
}

async function offer(found: Suggested, approved: string): Promise<void> {
  const { asked, suggestions } = found;
  if (suggestions.length === 0) {
    toStdout(`nothing to suggest: of ${counted(asked, "question")} in the log, no rule would answer two`);
    return;
  }
  for (const [at, one] of suggestions.entries())
    for (const line of describeOne(one, at, asked)) toStdout(line);
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    toStdout("nothing is written: muxguard suggest in a terminal lets you pick");
    return;
  }
  demandOutside();
  const picked = await pick(suggestions);
  for (const { rule } of picked) await addRule(approved, rule);
  const written = `${counted(picked.length, "rule")} written to approved.toml (muxguard grants)`;
  toStdout(picked.length === 0 ? "nothing is written" : written);
}

function describeOne({ rule, answers, also }: Suggestion, at: number, asked: number): string[] {
  const some = (entries: readonly Logged[], words: (one: Logged) => string): string[] => [
    ...entries.slice(0, EXAMPLES).map((one) => `     ${words(one)}`),
    ...(entries.length > EXAMPLES ? [`     and ${entries.length - EXAMPLES} more`] : []),
  ];
  const denied = (one: Logged): string => `${describe(one)} (was denied: ${describeDecision(one.by)})`;
  const through = also.length > 0 ? ["   it would also have let through:", ...some(also, denied)] : [];
  return [
    `${at + 1}. ${visible(rule.name, 300)}`,
    `   would have answered ${answers.length} of ${counted(asked, "question")}:`,
    ...some(answers, (one) => `${one.id}  ${describe(one)}`),
    ...through,
    ...formatRule(rule).map((line) => `   | ${visible(line, MAX_LINE)}`),
    "",
  ];
}

function describe({ request, caller }: Logged): string {
  return caller ? `${describeProgram(caller)}: ${describeRequest(request)}` : describeRequest(request);
}

/** Ctrl-C picks nothing. */
async function pick(suggestions: readonly Suggestion[]): Promise<readonly Suggestion[]> {
  const choices = suggestions.map((value, at) => ({
    value,
    name: `${at + 1}. ${visible(value.rule.name, 300)} (${value.answers.length})`,
    short: `${at + 1}`,
  }));
  const message = "Which rules are to be written? Space picks, Enter ends";
  // letters would pick all of them at once
  const shortcuts = { all: null, invert: null };
  try {
    return await prompt<Suggestion[]>({ type: "checkbox", message, choices, shortcuts, loop: false });
  } catch (error) {
    if (isStopped(error)) return [];
    throw error;
  }
}

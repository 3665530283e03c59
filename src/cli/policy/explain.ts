/** `muxguard policy explain`: what came of each rule for a request, and what decides. */
import { describeCaller } from "../../policy/describe/caller.ts";
import { describeProof } from "../../policy/describe/destination.ts";
import { describeRequest } from "../../policy/describe/request.ts";
import { type Explained, explain, type RuleAccount } from "../../policy/explain/explain.ts";
import { describeField, describeRuling } from "../../policy/explain/words.ts";
import { visible } from "../../policy/visible.ts";
import { readConfig } from "../../settings/config.ts";
import { openPaths } from "../../settings/paths.ts";
import { toStderr, toStdout, toStdoutAsJson } from "../../to-stderr.ts";
import { CliError, exitCodes } from "../cli-error.ts";
import { type Asked, askedByFlags, askedByLog } from "./asked.ts";
import { factFlags, readFlags } from "./flags.ts";
import { placeOf, policyFor, policyOfFleet, type Standing, type Standings, withFleet } from "./source.ts";

export interface ExplainOptions {
  policy?: string;
  json?: boolean;
  /** The same as `--on`. */
  kind?: string;
}

/** @returns the exit code: 1 for what is denied */
export async function policyExplain(id: string | undefined, options: ExplainOptions): Promise<number> {
  const paths = openPaths();
  const config = await readConfig(paths);
  const { sshConfig } = config;
  const { kind: on } = options;
  const flags = { ...readFlags({ ...options }, factFlags), ...(on !== undefined && { on }) };
  const isSaid = Object.keys(flags).length > 0;
  if (id !== undefined && isSaid)
    throw new CliError("either an entry of the log or flags, not both", exitCodes.usage);
  if (id === undefined && !isSaid)
    throw new CliError("of which request? the id of a log entry, or --host, --user …", exitCodes.usage);
  const asked =
    id === undefined ? await askedByFlags(flags, sshConfig) : await askedByLog(paths.log, id, sshConfig);
  const own = await policyFor(paths, options.policy, asked.caller.run?.name);
  const fleet = await policyOfFleet(config, paths);
  const placed = withFleet(own, fleet);
  for (const line of fleet?.wrong ?? []) toStderr(`muxguard: ${line}`);
  const explained = explain(placed.policy, asked.request, asked.caller);
  if (options.json) toStdoutAsJson(JSON.stringify(facts(asked, explained, placed)));
  else for (const line of lines(asked, explained, placed)) toStdout(line);
  return explained.ruling.action === "deny" ? 1 : 0;
}

function lines(asked: Asked, explained: Explained, placed: Standings): string[] {
  const { ruling, rules, approved } = explained;
  const isAnswered =
    ruling.action === "allow" && placed.approved.some(({ rule }) => ruling.by === `rule:${rule.name}`);
  const counts = ruling.action === "ask" || isAnswered;
  const where = placed.default ? ` (${placeOf(placed.default)})` : "";
  return [
    ...heading(asked),
    ...(placed.fleet === undefined ? [] : [`fleet        ${placed.fleet}`]),
    "",
    ...rules.flatMap((account, at) => ruleLines(account, placed.rules[at], asked)),
    `default = "${placed.policy.default}"${where}`,
    ...(counts ? approved.flatMap((account, at) => ruleLines(account, placed.approved[at], asked)) : []),
    "",
    `${ruling.action}: ${describeRuling(ruling)}${placeOfRuling(ruling.by, placed)}`,
  ];
}

function heading({ request, caller, decided }: Asked): string[] {
  const { destination } = request;
  const isKnown = caller.exe !== undefined || caller.name !== "";
  const run = caller.run ? `in run "${visible(caller.run.name, 40)}"` : "outside of runs";
  return [
    `request      ${describeRequest(request)}`,
    ...(destination ? [`destination  ${describeProof(destination, request)}`] : []),
    `asked by     ${isKnown ? describeCaller(caller).replace(" (pid 0)", "") : `a program that is not known, ${run}`}`,
    ...(decided === undefined ? [] : [`log          ${decided}`]),
  ];
}

const results = { yes: "matches", no: "does not match", unsaid: "can't be said to match, nor not to" };

function ruleLines(
  { rule, match, fields, isReached }: RuleAccount,
  place: Standing | undefined,
  asked: Asked,
): string[] {
  const behind = isReached ? "" : "behind the rule that matches; ";
  const about = fields.filter((field) => field.match !== "yes");
  return [
    `${place ? placeOf(place) : ""}  ${rule.action}  "${visible(rule.name, 300)}": ${behind}${results[match]}`,
    ...about.map((field) => `    ${describeField(rule, field, asked.request, asked.caller)}`),
  ];
}

function placeOfRuling(by: string, { rules, approved }: Standings): string {
  const found = [...rules, ...approved].find(({ rule }) => by === `rule:${rule.name}`);
  return found ? ` (${placeOf(found)})` : "";
}

function facts({ request, caller, decided }: Asked, explained: Explained, placed: Standings): object {
  const { ruling } = explained;
  const account = ({ rule, match, fields, isReached }: RuleAccount, place: Standing | undefined): object => ({
    ...{ name: rule.name, action: rule.action, file: place?.file, line: place?.line },
    ...(place && place.file === undefined && { fleet: true }),
    ...{ match, reached: isReached },
    fields: fields.map((field) => ({ ...field, because: describeField(rule, field, request, caller) })),
  });
  return {
    ...{ action: ruling.action, by: ruling.by, because: describeRuling(ruling) },
    ...(ruling.action === "ask" && { remember: ruling.remember, doubt: ruling.doubt }),
    ...(decided !== undefined && { decided }),
    request,
    rules: explained.rules.map((one, at) => account(one, placed.rules[at])),
    ...{ default: placed.policy.default, fleet: placed.fleet },
    approved: explained.approved.map((one, at) => account(one, placed.approved[at])),
  };
}

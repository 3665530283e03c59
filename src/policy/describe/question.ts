/** The lines of a question. All text from a request goes through visible(). */
import type { Question } from "../question.ts";
import type { Caller, Request } from "../request.ts";
import { inQuotes, named, quoted, visible, visibleEnds } from "../visible.ts";
import {
  describeActor,
  describeCaller,
  describeCommandLines,
  describeForwarder,
  hostName,
  programName,
} from "./caller.ts";
import { describeCoverage } from "./coverage.ts";
import { describeDecision } from "./decision.ts";
import { describeProof } from "./destination.ts";
import { describeDoubt } from "./doubt.ts";
import { describeGit } from "./git.ts";
import { describeNames, FEW, MANY } from "./names.ts";
import { describeKey, describeType } from "./operation.ts";
import { describeAsked, describeRequest, onHosts } from "./request.ts";
import { describeTitle } from "./title.ts";

/** All there is to say, in lines: who wants what, where, and why it is asked. */
export function describeQuestion(question: Question): string[] {
  const { request, caller } = question;
  const { environment = [] } = request;
  const lines = [
    describeTitle(question),
    describeHeadline(question),
    ...describeWhy(question),
    ...describeWhere(question),
  ];
  if (request.key) lines.push(`key: ${describeType(request.key.type)}${request.key.fingerprint}`);
  if (request.prompt !== undefined) lines.push(...describePrompt(request.prompt, request));
  lines.push(...describeWho(question));
  if (caller.cwd !== undefined) lines.push(`working directory: ${quoted(caller.cwd, 100)}`);
  if (environment.length > FEW) lines.push(`variables: ${describeNames(environment, MANY)}`);
  lines.push(...describeWaiting(question));
  lines.push(`because: ${describeBecause(question)}`);
  lines.push(`an approval covers: ${describeCoverage(question)}`);
  if (question.approvals !== undefined && question.rule)
    lines.push(
      `you have allowed this ${question.approvals} times; "allow always" writes a rule to approved.toml:`,
      ...question.rule.map((line) => `  ${visible(line, 300)}`),
    );
  if (question.tip !== undefined) lines.push(question.tip);
  return lines;
}

/** Who wants what, in one sentence: `git (through ssh) wants to log in to github.com as git with key "work"`. */
function describeHeadline({ request, caller, hosts }: Question): string {
  if (request.kind === "confirm") return describeAsker(request, caller);
  const asked = hosts ? onHosts(request, hosts.length) : request;
  if (!request.forwarded) return `${describeActor(caller)} wants to ${describeRequest(asked)}`;
  const { path } = request;
  const who = describeForwarder(caller, hostName(path.at(-1) ?? { names: [] }));
  return `${who} wants to ${path.length > 1 ? describeRequest(asked) : describeAsked(asked)}`;
}

/**
 * An ssh-agent or a master asks for somebody that it doesn't name: what started it, long ago, is not who
 * wants something.
 */
function describeAsker(request: Request, caller: Caller): string {
  const { operation, key, user } = request;
  if (operation !== "use-key") return `${programName(caller)} wants to ${describeRequest(request)}`;
  const name = caller.exe === undefined ? named(caller.name, 32) : programName(caller);
  const purpose = user === undefined ? "" : ` to log in as ${named(user)}`;
  return `${name} asks: may ${key ? describeKey(key) : "a key"} be used${purpose}? It does not say by whom`;
}

function describeWhere({ request, hosts }: Question): string[] {
  const { destination } = request;
  if (hosts) return [`hosts, all with a known key: ${hosts.map(({ name }) => name).join(", ")}`];
  if (destination) return [`destination: ${describeProof(destination, request)}`];
  const claims = describeGit(request);
  return claims === "" ? [] : [`git claims: ${claims}`];
}

function describeWho({ request, caller, hosts }: Question): string[] {
  const claimed = describeCommandLines(caller, request);
  const lines = [`${request.forwarded ? "forwarded" : "asked"} by: ${describeCaller(caller)}`];
  if (claimed !== "") lines.push(`command line${hosts ? " of the first" : ""} (claimed): ${claimed}`);
  return lines;
}

/** Why it is asked for: whoever asks can say anything. */
function describeWhy({ why }: Question): string[] {
  return why === undefined ? [] : [`reason (claimed): ${inQuotes(visibleEnds(why, 200))}`];
}

/** Why it is asked. */
export function describeBecause(question: Question): string {
  const { persons } = question;
  return persons ? `${whyAsked(question)}; ${describePersons(persons)}` : whyAsked(question);
}

/** `2 persons of ops have to say yes, so far: alice` */
export function describePersons({ wanted, signers, yes }: NonNullable<Question["persons"]>): string {
  const who = wanted === 1 ? "a person" : `${wanted} persons`;
  const groups = signers.map((list) => list.map((name) => visible(name, 64)).join(" or ")).join(", and ");
  const of = groups === "" ? "" : ` of ${groups}`;
  const soFar = yes.length === 0 ? "" : `, so far: ${yes.map((name) => visible(name, 64)).join(", ")}`;
  return `${who}${of} ${wanted === 1 ? "has" : "have"} to say yes${soFar}`;
}

function whyAsked({ because, doubt }: Question): string {
  if (doubt && because === `rule:${doubt.rule}`) return describeDoubt(doubt);
  const why = because === "default" ? 'no rule says otherwise (default = "ask")' : describeDecision(because);
  return doubt ? `${why}; ${describeDoubt(doubt)}` : why;
}

function describeWaiting({ count, hosts, caller }: Question): string[] {
  if (count <= (hosts?.length ?? 1)) return [];
  return [`${count} requests from ${programName(caller)} wait for the answer`];
}

/** What OpenSSH says, and what it leaves open. @param limit of its words, in characters */
export function describePrompt(prompt: string, { operation }: Request, limit = 400): string[] {
  // a line break is told from what looks like one
  const text = prompt.includes(" / ") ? prompt : prompt.trim().replaceAll("\n", " / ");
  const unknown = "for whom: it does not say. Any program that reaches it may have asked";
  const byWhom = "by whom: any program that reaches it may have asked";
  const whom = ownQuestions.has(operation) ? [] : [operation === "use-key" ? byWhom : unknown];
  return [`it says: ${inQuotes(visibleEnds(text.trim(), limit))}`, ...whom];
}

/** What OpenSSH asks on its own behalf. The rest is on behalf of programs that it doesn't name. */
const ownQuestions: ReadonlySet<Request["operation"]> = new Set([
  "trust-host-key",
  "update-host-keys",
  "add",
]);

/**
 * Whether a rule matches: every field that it names must. What is not known of a request can't be said to
 * match, nor not to: a rule that allows does not match then, and for one that denies or asks it stays open.
 */

import type { Rule } from "../policy.ts";
import { type Caller, type Destination, isTrust, type KeyFacts, type Request } from "../request.ts";
import { matchCaller } from "./caller.ts";
import { matchForward, matchSession } from "./connection.ts";
import { matchNames } from "./host-names.ts";
import { matchHost, matchList } from "./pattern.ts";
import { anyMatches, both, type Match, said } from "./result.ts";

export function matchRule(rule: Rule, request: Request, caller: Caller): Match {
  return closed(rule, mayMatch(rule, request, caller));
}

/**
 * The same for a request that is yet to come, of which some is known: what it may be stays open for a rule
 * that allows, too.
 */
export function mayMatch(rule: Rule, request: Request, caller: Caller): Match {
  if (!isOfKind(rule, request)) return "no";
  const byCaller = closed(rule, matchCaller(rule, caller));
  return byCaller === "no" ? "no" : both(byCaller, matchRequest(rule, request));
}

function closed({ action }: Rule, match: Match): Match {
  return match === "unsaid" && action === "allow" ? "no" : match;
}

/** What a list shows follows from the rules on signatures: one on lists has to say so. */
function isOfKind({ on }: Rule, { kind }: Request): boolean {
  return on === undefined ? kind !== "list" : on.includes(kind);
}

function matchRequest(rule: Rule, request: Request): Match {
  if (isOpaqueQuestion(request)) return matchOpaque(rule);
  const asked = both(matchDestination(rule, request), matchAsked(rule, request));
  return asked === "no" ? "no" : both(asked, matchDetails(rule, request));
}

/** What a program asks a person about in words that can't be read. */
function isOpaqueQuestion({ kind, data }: Request): boolean {
  return kind === "confirm" && data === "opaque";
}

const ofCaller: ReadonlySet<string> = new Set<keyof Rule>(["caller", "scope", "container"]);
const ofAnswer: ReadonlySet<string> = new Set<keyof Rule>([
  "name",
  "action",
  "remember",
  "timeout",
  "approver",
]);

/**
 * What the question is about may be anything. To deny or ask, that is enough for a rule that names the kind;
 * to allow, the rule must not name more than that and who asks.
 */
function matchOpaque(rule: Rule): Match {
  const named = Object.keys(rule).filter((field) => rule[field as keyof Rule] !== undefined);
  const narrow = named.some((field) => field !== "on" && !ofCaller.has(field) && !ofAnswer.has(field));
  const isNamed = rule.on !== undefined;
  if (rule.action === "allow") return said(isNamed && !narrow);
  return isNamed || !narrow ? "yes" : "unsaid";
}

/**
 * Whether the request leads to a host, or may: one that is not known may then be any. Data of unknown shape
 * may be a login, and an ssh-agent that asks for a key does not say what for.
 */
function leadsToHost({ kind, data, noLogin, operation }: Request): boolean {
  if (kind === "sign") return data !== "sshsig" && !noLogin;
  if (kind === "confirm") return operation !== "add";
  return kind !== "admin" && kind !== "list";
}

/**
 * Names are matched only where the host proved its key. With `verified = false` the rule asks for the
 * opposite, and the name is then what the caller claims.
 */
function matchDestination(rule: Rule, request: Request): Match {
  const { destination, forwarded } = request;
  if (rule.forwarded !== undefined && rule.forwarded !== forwarded) return "no";
  const namesHost = rule.host !== undefined || rule.port !== undefined || rule.host_key !== undefined;
  if (!namesHost && rule.verified === undefined) return "yes";
  if (!destination) return leadsToHost(request) ? "unsaid" : "no";
  if (rule.verified !== undefined && rule.verified !== destination.verified) return "no";
  if (!namesHost) return "yes";
  if (destination.verified) return closed(rule, matchProven(rule, destination));
  return rule.verified === false ? matchClaimed(rule, destination) : closed(rule, "unsaid");
}

function matchProven(rule: Rule, destination: Destination): Match {
  const { port, ports, hostKey } = destination;
  const byKey = matchKnown(rule.host_key?.split(","), hostKey);
  const byName = rule.host === undefined ? "yes" : matchNames(rule, rule.host, destination);
  const wanted = portsOf(rule);
  const byPort = ports && wanted ? said(ports.some((one) => wanted.includes(one))) : matchKnown(wanted, port);
  return both(both(byKey, byName), byPort);
}

function matchClaimed(rule: Rule, { port, claimed }: Destination): Match {
  if (rule.host_key !== undefined || matchKnown(portsOf(rule), port) !== "yes") return "no";
  const { host } = rule;
  if (host === undefined) return "yes";
  return claimed === undefined ? "no" : anyMatches(rule, [matchHost(claimed, host)]);
}

/** Not known where the host has several, or has not proved it to the guard. */
function matchKnown<T>(wanted: readonly T[] | undefined, known: T | undefined): Match {
  if (wanted === undefined) return "yes";
  return known === undefined ? "unsaid" : said(wanted.includes(known));
}

function portsOf({ port }: Rule): number[] | undefined {
  return port === undefined ? undefined : [port].flat();
}

function matchAsked(rule: Rule, request: Request): Match {
  if (!matchOperation(rule, request.operation)) return "no";
  return both(both(matchUser(rule, request), matchNamespace(rule, request)), matchKey(rule, request));
}

function matchOperation(rule: Rule, operation: Request["operation"]): boolean {
  if (rule.operation === undefined) return rule.action !== "allow" || !isTrust(operation);
  return rule.operation.some((one) => one === operation);
}

function matchUser({ user: list }: Rule, request: Request): Match {
  return matchOptional(list, request.user, leadsToHost(request));
}

/** An ssh-agent that asks for a key may be asked to sign anything. */
function matchNamespace({ namespace: list }: Rule, { namespace, ...request }: Request): Match {
  const { kind, data, operation, user } = request;
  const maySign = (kind === "sign" && data !== "userauth") || (operation === "use-key" && user === undefined);
  return matchOptional(list, namespace, maySign);
}

const ofUnknownKeys: ReadonlySet<Request["operation"]> = new Set([
  "add",
  "remove-all",
  "add-smartcard",
  "remove-smartcard",
]);

/**
 * Whoever adds a key chooses its comment: one that looks like a fingerprint must not pass for another key's.
 */
function matchKey(rule: Rule, { kind, key, operation }: Request): Match {
  const { key: list } = rule;
  if (list === undefined) return "yes";
  // a whole list is asked about for each of its keys, and what is denied is left out of it
  if (!key && kind === "list") return said(rule.action === "ask");
  if (!key) return ofUnknownKeys.has(operation) ? "unsaid" : "no";
  const match = anyMatches(
    rule,
    namesOf(key).map((name) => matchList(name, list)),
  );
  return match === "no" && key.comment === undefined && namesComments(list) ? "unsaid" : match;
}

function namesOf({ fingerprint, comment = "SHA256:" }: KeyFacts): string[] {
  return comment.startsWith("SHA256:") ? [fingerprint] : [fingerprint, comment];
}

function namesComments(list: string): boolean {
  return list.split(",").some((item) => !/^!?\s*SHA256:/.test(item.trim()));
}

const sessionFields = ["command", "subsystem", "tty", "x11", "forward_agent", "environment"] as const;
const forwardFields = ["forward", "listen", "connect"] as const;
type Fields = typeof sessionFields | typeof forwardFields;

/**
 * Some fields describe sessions, some forwards. A rule with one of them matches other kinds of request only
 * where its `on` names them: so that "fetching from github" covers the login too, and a rule on a command
 * alone covers nothing else.
 */
function matchDetails(rule: Rule, request: Request): Match {
  if (request.kind === "confirm") return matchConfirm(rule, request);
  return both(
    request.kind === "session" ? matchSession(rule, request) : said(isAbout(rule, request, sessionFields)),
    request.kind === "forward" ? matchForward(rule, request) : said(isAbout(rule, request, forwardFields)),
  );
}

/** Whether a rule is about a kind of request that some fields say nothing of. */
function isAbout(rule: Rule, { kind }: Request, fields: Fields): boolean {
  return rule.on?.includes(kind) || !names(rule, fields);
}

function names(rule: Rule, fields: Fields): boolean {
  return fields.some((field) => rule[field] !== undefined);
}

const opensSessions: ReadonlySet<Request["operation"]> = new Set(["share", "proxy"]);

/**
 * A question of OpenSSH's says which forward it is about, but never what a session runs. A proxy client may do
 * anything. To allow, the rule must name the kind.
 */
function matchConfirm(rule: Rule, request: Request): Match {
  const { operation } = request;
  const ofSession = opensSessions.has(operation) ? "unsaid" : "no";
  const isMeant = rule.action !== "allow" || rule.on?.includes("confirm") === true;
  const ofForward = request.forward ? matchForward(rule, request) : operation === "proxy" ? "unsaid" : "no";
  return both(
    names(rule, sessionFields) ? ofSession : "yes",
    names(rule, forwardFields) ? both(said(isMeant), ofForward) : "yes",
  );
}

/** @param isOpen whether one that is not known may be any */
function matchOptional(list: string | undefined, text: string | undefined, isOpen: boolean): Match {
  if (list === undefined) return "yes";
  if (text === undefined) return isOpen ? "unsaid" : "no";
  return said(matchList(text, list) === "yes");
}

/** Whether a rule matches: every field that it names must. */
import { allowsCommand } from "./command.ts";
import { byPath, isAtItsPath, lineOf, ownLine, withoutShells } from "./coverage.ts";
import { type ListMatch, matchHost, matchList, matchPattern } from "./pattern.ts";
import type { Rule } from "./policy.ts";
import { type Caller, type Forward, isTrust, type KeyFacts, type Process, type Request } from "./request.ts";

export function matchRule(rule: Rule, request: Request, caller: Caller): boolean {
  if (!matchKind(rule, request) || !matchCaller(rule, caller)) return false;
  if (isOpaqueQuestion(request)) return matchOpaque(rule);
  return matchDestination(rule, request) && matchAsked(rule, request) && matchDetails(rule, request);
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
 * What the question is about may be anything: to deny or ask, that is enough; to allow, the rule must not
 * name more than `on = ["confirm"]` and who asks.
 */
function matchOpaque(rule: Rule): boolean {
  if (!rule.on?.includes("confirm")) return false;
  const named = Object.keys(rule).filter((field) => rule[field as keyof Rule] !== undefined);
  const narrow = named.some((field) => field !== "on" && !ofCaller.has(field) && !ofAnswer.has(field));
  return rule.action !== "allow" || !narrow;
}

function matchKind(rule: Rule, request: Request): boolean {
  return rule.on === undefined || rule.on.includes(request.kind);
}

/**
 * Names are matched only where the host proved its key. With `verified = false` the rule asks for the
 * opposite, and the name is then what the caller claims.
 */
function matchDestination(rule: Rule, { destination, forwarded }: Request): boolean {
  if (rule.forwarded !== undefined && rule.forwarded !== forwarded) return false;
  if (rule.verified !== undefined && rule.verified !== destination?.verified) return false;
  if (rule.host_key !== undefined && !(destination?.verified && rule.host_key === destination.hostKey))
    return false;
  if (rule.host === undefined && rule.port === undefined) return true;
  if (!destination) return false;
  if (!destination.verified && rule.verified !== false) return false;
  if (rule.port !== undefined && rule.port !== destination.port) return false;
  if (rule.host === undefined) return true;
  const claimed = destination.claimed === undefined ? [] : [destination.claimed];
  const list = rule.host;
  const names = destination.verified ? destination.names : claimed;
  return anyMatches(
    rule,
    names.map((name) => matchHost(name, list)),
  );
}

function matchAsked(rule: Rule, { user, key, namespace, operation }: Request): boolean {
  return (
    matchOptional(rule.user, user) &&
    matchOptional(rule.namespace, namespace) &&
    matchOperation(rule, operation) &&
    (rule.key === undefined || (key !== undefined && matchKey(rule, rule.key, key)))
  );
}

function matchOperation(rule: Rule, operation: Request["operation"]): boolean {
  if (rule.operation === undefined) return rule.action !== "allow" || !isTrust(operation);
  return rule.operation.some((one) => one === operation);
}

const sessionFields = ["command", "subsystem", "tty", "x11", "forward_agent", "environment"] as const;
const forwardFields = ["forward", "listen", "connect"] as const;

/**
 * Some fields describe sessions, some forwards. A rule with one of them matches other kinds of request only
 * where its `on` names them: so that "fetching from github" covers the login too, and a rule on a command
 * alone covers nothing else.
 */
function matchDetails(rule: Rule, request: Request): boolean {
  if (request.kind === "confirm") return matchConfirm(rule, request);
  return (
    (request.kind === "session" ? matchSession(rule, request) : isAbout(rule, request, sessionFields)) &&
    (request.kind === "forward" ? matchForward(rule, request) : isAbout(rule, request, forwardFields))
  );
}

/** Whether a rule is about a kind of request that some fields say nothing of. */
function isAbout({ on, ...rule }: Rule, { kind }: Request, fields: readonly (keyof typeof rule)[]): boolean {
  return on?.includes(kind) || fields.every((field) => rule[field] === undefined);
}

/** A question of OpenSSH's says which forward it is about, but never what a session runs. */
function matchConfirm(rule: Rule, request: Request): boolean {
  if (sessionFields.some((field) => rule[field] !== undefined)) return false;
  const isAboutForwards = forwardFields.some((field) => rule[field] !== undefined);
  return !isAboutForwards || (rule.on?.includes("confirm") === true && matchForward(rule, request));
}

function matchSession(rule: Rule, request: Request): boolean {
  return (
    matchCommand(rule, request) &&
    matchSubsystem(rule, request) &&
    (rule.tty === undefined || rule.tty === (request.tty ?? false)) &&
    matchExtra(rule, rule.x11, request.x11) &&
    matchExtra(rule, rule.forward_agent, request.forwardAgent) &&
    matchEnvironment(rule, request.environment)
  );
}

/**
 * An empty pattern is a login shell, which has an empty command. To deny or ask, a wildcard is any text; to
 * allow, nothing that a shell obeys.
 */
function matchCommand({ action, command: pattern }: Rule, { command, subsystem }: Request): boolean {
  if (pattern === undefined) return true;
  if (command === undefined || subsystem !== undefined) return false;
  return action === "allow" ? allowsCommand(command, pattern) : matchPattern(command, pattern);
}

function matchSubsystem(rule: Rule, { command, subsystem }: Request): boolean {
  return rule.subsystem === undefined || (command === undefined && matchOptional(rule.subsystem, subsystem));
}

/**
 * `x11` and `forward_agent`. A rule that allows one command or subsystem does not allow the server to reach
 * the user's screen or keys along with it, unless it says so; one that allows any session to a host does.
 */
function matchExtra(rule: Rule, wanted: boolean | undefined, asked = false): boolean {
  if (wanted !== undefined) return wanted === asked;
  const isNarrow = rule.command !== undefined || rule.subsystem !== undefined;
  return !(asked && isNarrow && rule.action === "allow");
}

/**
 * To allow, the list must match every variable that the session wants to set, so a session without any
 * matches. To deny or ask, one that matches is enough, so a session without any does not.
 */
function matchEnvironment({ action, environment: list }: Rule, names: readonly string[] = []): boolean {
  if (list === undefined) return true;
  const matches = (name: string): boolean => matchList(name, list) === "yes";
  return action === "allow" ? names.every(matches) : names.some(matches);
}

function matchForward(rule: Rule, { forward }: Request): boolean {
  if (rule.forward !== undefined && !(forward && rule.forward.includes(forward.kind))) return false;
  return matchAddress(rule.listen, forward?.listen) && matchConnect(rule, forward);
}

/**
 * A SOCKS proxy leads wherever its clients say: to deny or ask, it matches whatever the rule names; to allow,
 * `*` alone.
 */
function matchConnect({ action, connect: list }: Rule, { connect = "*" }: Partial<Forward> = {}): boolean {
  if (list === undefined) return true;
  return connect === "*" ? action !== "allow" || list.trim() === "*" : matchAddress(list, connect);
}

function matchAddress(list: string | undefined, address: string | undefined): boolean {
  return list === undefined || (address !== undefined && matchHost(address, list) === "yes");
}

function matchCaller(rule: Rule, caller: Caller): boolean {
  if (rule.container !== undefined && rule.container !== caller.container) return false;
  if (!matchScope(rule.scope, caller) || !matchPrograms(rule, caller)) return false;
  const list = rule.caller;
  if (list === undefined) return true;
  return anyMatches(
    rule,
    [caller, ...caller.ancestors].map((process) => matchProcess(rule, process, list)),
  );
}

/**
 * What runs may be another file than the one that the guard finds at the path: to allow, it is not that
 * program; to deny or ask, it still is.
 */
function matchProcess({ action }: Rule, process: Process, list: string): ListMatch {
  const match = process.exe === undefined ? "no" : matchProgram(process.exe, list);
  return match === "yes" && action === "allow" && !isAtItsPath(process) ? "no" : match;
}

/** The empty scope is outside of runs. */
function matchScope(scope: string | undefined, { run }: Caller): boolean {
  return scope === "" ? run === undefined : matchOptional(scope, run?.name);
}

/**
 * The whole line. To allow, each must be the file at its path; to deny or ask, the paths are enough, be what
 * is called like a shell in the line or left out.
 */
function matchPrograms({ action, programs }: Rule, caller: Caller): boolean {
  if (programs === undefined) return true;
  const isLine = (line: readonly string[]): boolean =>
    line.length === programs.length && line.every((program, at) => program === programs[at]);
  const own = ownLine(caller);
  if (action === "allow") return own.every(isAtItsPath) && isLine(lineOf(own));
  const readings = [own, ownLine(byPath(caller)), ownLine(withoutShells(caller))];
  return readings.some((reading) => isLine(lineOf(reading)));
}

/** A pattern with a `/` is matched against the path of a program, one without against its file name. */
function matchProgram(exe: string, list: string): ListMatch {
  const name = exe.slice(exe.lastIndexOf("/") + 1);
  const matches = list.split(",").map((item) => matchList(item.includes("/") ? exe : name, item));
  return matches.find((match) => match === "negated") ?? matches.find((match) => match === "yes") ?? "no";
}

/**
 * Whoever adds a key chooses its comment: one that looks like a fingerprint must not pass for another key's.
 */
function matchKey(rule: Rule, list: string, { fingerprint, comment = "SHA256:" }: KeyFacts): boolean {
  const texts = comment.startsWith("SHA256:") ? [fingerprint] : [fingerprint, comment];
  return anyMatches(
    rule,
    texts.map((text) => matchList(text, list)),
  );
}

/**
 * Where one thing has several names (a host its aliases, a process its ancestors, a key its comment): to
 * allow, none of them may be excluded by a `!`; to deny or ask, one that matches is enough. Either way it is
 * the stricter reading.
 */
function anyMatches(rule: Rule, matches: readonly ListMatch[]): boolean {
  return matches.includes("yes") && !(rule.action === "allow" && matches.includes("negated"));
}

function matchOptional(list: string | undefined, text: string | undefined): boolean {
  return list === undefined || (text !== undefined && matchList(text, list) === "yes");
}

/** Whether a rule matches: every field that it names must. */
import { type ListMatch, matchHost, matchList, matchPattern } from "./pattern.ts";
import type { Rule } from "./policy.ts";
import type { Caller, KeyFacts, Request } from "./request.ts";

export function matchRule(rule: Rule, request: Request, caller: Caller): boolean {
  return (
    matchKind(rule, request) &&
    matchDestination(rule, request) &&
    matchAsked(rule, request) &&
    matchSession(rule, request) &&
    matchCaller(rule, caller)
  );
}

function matchKind(rule: Rule, request: Request): boolean {
  return rule.on === undefined || rule.on.includes(request.kind);
}

/**
 * Names are matched only where the host proved its key. With `verified = false` the rule asks for the opposite, and the name is then
 * what the caller claims.
 */
function matchDestination(rule: Rule, { destination, forwarded }: Request): boolean {
  if (rule.forwarded !== undefined && rule.forwarded !== forwarded) return false;
  if (rule.verified !== undefined && rule.verified !== destination?.verified) return false;
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
    (rule.operation === undefined || (operation !== undefined && rule.operation.includes(operation))) &&
    (rule.key === undefined || (key !== undefined && matchKey(rule, rule.key, key)))
  );
}

/**
 * `command` and `subsystem` describe sessions. A rule with one of them matches other kinds of request only where its `on` names them: so that
 * "fetching from github" covers the login too, and a rule on a command alone covers nothing else.
 */
function matchSession(rule: Rule, request: Request): boolean {
  if (rule.command === undefined && rule.subsystem === undefined) return true;
  if (request.kind !== "session") return rule.on !== undefined;
  if (rule.command !== undefined && !matchCommand(rule.command, request.command)) return false;
  return matchOptional(rule.subsystem, request.subsystem);
}

/** An empty pattern is a login shell, which has an empty command. */
function matchCommand(pattern: string, command: string | undefined): boolean {
  return command !== undefined && matchPattern(command, pattern);
}

function matchCaller(rule: Rule, caller: Caller): boolean {
  if (rule.container !== undefined && rule.container !== caller.container) return false;
  if (!matchOptional(rule.scope, caller.run?.name)) return false;
  const list = rule.caller;
  if (list === undefined) return true;
  const programs = [caller, ...caller.ancestors].flatMap(({ exe }) => (exe === undefined ? [] : [exe]));
  return anyMatches(
    rule,
    programs.map((exe) => matchProgram(exe, list)),
  );
}

/** A pattern with a `/` is matched against the path of a program, one without against its file name. */
function matchProgram(exe: string, list: string): ListMatch {
  const name = exe.slice(exe.lastIndexOf("/") + 1);
  const matches = list.split(",").map((item) => matchList(item.includes("/") ? exe : name, item));
  return matches.find((match) => match === "negated") ?? matches.find((match) => match === "yes") ?? "no";
}

function matchKey(rule: Rule, list: string, { fingerprint, comment }: KeyFacts): boolean {
  const texts = comment === undefined ? [fingerprint] : [fingerprint, comment];
  return anyMatches(
    rule,
    texts.map((text) => matchList(text, list)),
  );
}

/**
 * Where one thing has several names (a host its aliases, a process its ancestors, a key its comment): to allow, none of them may be
 * excluded by a `!`; to deny or ask, one that matches is enough. Either way it is the stricter reading.
 */
function anyMatches(rule: Rule, matches: readonly ListMatch[]): boolean {
  return matches.includes("yes") && !(rule.action === "allow" && matches.includes("negated"));
}

function matchOptional(list: string | undefined, text: string | undefined): boolean {
  return list === undefined || (text !== undefined && matchList(text, list) === "yes");
}

/**
 * What rules say of sessions and forwards. A rule with one of these fields matches other kinds of request only
 * where its `on` names them: so that "fetching from github" covers the login too, and a rule on a command
 * alone covers nothing else.
 */

import type { Rule } from "../policy.ts";
import type { Request } from "../request.ts";
import { allowsCommand } from "./command.ts";
import { matchHost, matchList, matchPattern } from "./pattern.ts";
import { type Match, said } from "./result.ts";

type Check = (rule: Rule, request: Request) => Match;

/** Fields of sessions, and of forwards. */
export const sessionFields = ["command", "subsystem", "tty", "x11", "forward_agent", "environment"] as const;
export const forwardFields = ["forward", "listen", "connect"] as const;

export const opensSessions: ReadonlySet<Request["operation"]> = new Set(["share", "proxy"]);

/** A question of OpenSSH's never says what a session runs, and a proxy client may do anything. */
export function ofSessions(field: keyof Rule, check: Check): Check {
  return (rule, request) => {
    if (request.kind === "session") return check(rule, request);
    if (rule[field] === undefined) return "yes";
    if (request.kind === "confirm") return opensSessions.has(request.operation) ? "unsaid" : "no";
    return isNamed(rule, request);
  };
}

/** A question of OpenSSH's says which forward it is about. To allow, the rule must name the kind. */
export function ofForwards(field: keyof Rule, check: Check): Check {
  return (rule, request) => {
    if (request.kind === "forward") return check(rule, request);
    if (rule[field] === undefined) return "yes";
    if (request.kind !== "confirm") return isNamed(rule, request);
    if (rule.action === "allow" && isNamed(rule, request) === "no") return "no";
    if (request.forward) return check(rule, request);
    return request.operation === "proxy" ? "unsaid" : "no";
  };
}

function isNamed({ on }: Rule, { kind }: Request): Match {
  return said(on?.includes(kind) ?? false);
}

/**
 * An empty pattern is a login shell, which has an empty command. To deny or ask, a wildcard is any text; to
 * allow, nothing that a shell obeys.
 */
export function matchCommand({ action, command: patterns }: Rule, request: Request): Match {
  const { command, subsystem } = request;
  if (patterns === undefined) return "yes";
  if (command === undefined || subsystem !== undefined) return subsystem === undefined ? "unsaid" : "no";
  const covers = action === "allow" ? allowsCommand : matchPattern;
  return said([patterns].flat().some((pattern) => covers(command, pattern)));
}

export function matchSubsystem({ subsystem: list }: Rule, { command, subsystem }: Request): Match {
  if (list === undefined) return "yes";
  if (command !== undefined) return "no";
  return subsystem === undefined ? "unsaid" : said(matchList(subsystem, list) === "yes");
}

export function matchTty({ tty }: Rule, request: Request): Match {
  return said(tty === undefined || tty === (request.tty ?? false));
}

export function matchX11(rule: Rule, request: Request): Match {
  return matchExtra(rule, rule.x11, request.x11);
}

export function matchAgentForwarding(rule: Rule, request: Request): Match {
  return matchExtra(rule, rule.forward_agent, request.forwardAgent);
}

/**
 * A rule that allows one command or subsystem does not allow the server to reach the user's screen or keys along
 * with it, unless it says so; one that allows any session to a host does.
 */
function matchExtra(rule: Rule, wanted: boolean | undefined, asked = false): Match {
  if (wanted !== undefined) return said(wanted === asked);
  const isNarrow = rule.command !== undefined || rule.subsystem !== undefined;
  return said(!(asked && isNarrow && rule.action === "allow"));
}

/**
 * To allow, the list must match every variable that the session wants to set, so a session without any
 * matches. To deny or ask, one that matches is enough, so a session without any does not.
 */
export function matchEnvironment({ action, environment: list }: Rule, request: Request): Match {
  if (list === undefined) return "yes";
  const { environment: names = [] } = request;
  const matches = (name: string): boolean => matchList(name, list) === "yes";
  return said(action === "allow" ? names.every(matches) : names.some(matches));
}

export function matchForwardKind(rule: Rule, { forward }: Request): Match {
  return said(rule.forward === undefined || (forward !== undefined && rule.forward.includes(forward.kind)));
}

export function matchListen(rule: Rule, { forward }: Request): Match {
  const { listen: list } = rule;
  if (list === undefined) return "yes";
  const { kind, listen, target } = forward ?? {};
  const behind = kind === "remote" ? undefined : target;
  return eitherWay(rule, (address) => matchAddress(list, address), listen, behind);
}

/**
 * A SOCKS proxy leads wherever its clients say: to deny or ask, it matches whatever the rule names; to allow,
 * `*` alone.
 */
export function matchConnect(rule: Rule, { forward }: Request): Match {
  const { action, connect: list } = rule;
  if (list === undefined) return "yes";
  const { kind, connect, target } = forward ?? {};
  const matches = (address = "*"): boolean =>
    address === "*" ? action !== "allow" || list.trim() === "*" : matchAddress(list, address);
  return eitherWay(rule, matches, connect, kind === "remote" ? target : undefined);
}

/**
 * A path that leads elsewhere: to allow, both have to match; to deny or ask, one of them.
 * @param behind where it leads, if that is elsewhere
 */
function eitherWay(
  { action }: Rule,
  matches: (address: string | undefined) => boolean,
  address: string | undefined,
  behind: string | undefined,
): Match {
  if (behind === undefined) return said(matches(address));
  return said(action === "allow" ? matches(address) && matches(behind) : matches(address) || matches(behind));
}

function matchAddress(list: string, address: string | undefined): boolean {
  return address !== undefined && matchHost(address, list) === "yes";
}

/** What rules say of sessions and forwards. */

import type { Rule } from "../policy.ts";
import type { Forward, Request } from "../request.ts";
import { allowsCommand } from "./command.ts";
import { matchHost, matchList, matchPattern } from "./pattern.ts";
import { both, type Match, said } from "./result.ts";

export function matchSession(rule: Rule, request: Request): Match {
  const brings =
    (rule.tty === undefined || rule.tty === (request.tty ?? false)) &&
    matchExtra(rule, rule.x11, request.x11) &&
    matchExtra(rule, rule.forward_agent, request.forwardAgent) &&
    matchEnvironment(rule, request.environment);
  return brings ? both(matchCommand(rule, request), matchSubsystem(rule, request)) : "no";
}

/**
 * An empty pattern is a login shell, which has an empty command. To deny or ask, a wildcard is any text; to
 * allow, nothing that a shell obeys.
 */
function matchCommand({ action, command: patterns }: Rule, { command, subsystem }: Request): Match {
  if (patterns === undefined) return "yes";
  if (command === undefined || subsystem !== undefined) return subsystem === undefined ? "unsaid" : "no";
  const covers = action === "allow" ? allowsCommand : matchPattern;
  return said([patterns].flat().some((pattern) => covers(command, pattern)));
}

function matchSubsystem({ subsystem: list }: Rule, { command, subsystem }: Request): Match {
  if (list === undefined) return "yes";
  if (command !== undefined) return "no";
  return subsystem === undefined ? "unsaid" : said(matchList(subsystem, list) === "yes");
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

export function matchForward(rule: Rule, { forward }: Request): Match {
  if (rule.forward !== undefined && !(forward && rule.forward.includes(forward.kind))) return "no";
  const { kind, target } = forward ?? {};
  if (target === undefined) return said(matchAddresses(rule, forward));
  // a path that leads elsewhere: to allow, both have to match; to deny or ask, one of them
  const behind = kind === "remote" ? { ...forward, connect: target } : { ...forward, listen: target };
  const matches = [forward, behind].map((one) => matchAddresses(rule, one));
  return said(rule.action === "allow" ? matches.every(Boolean) : matches.some(Boolean));
}

function matchAddresses(rule: Rule, forward: Partial<Forward> | undefined): boolean {
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

/** The policy's answer to a request: the first rule that matches, or the default. */
import { matchRule } from "./match.ts";
import type { Policy, Rule } from "./policy.ts";
import { type Caller, isTrust, type Request } from "./request.ts";

export type Ruling = { action: "allow"; by: DecidedBy } | { action: "deny"; by: DecidedBy } | AskRuling;

export interface AskRuling {
  action: "ask";
  by: DecidedBy;
  /**
   * The longest that an approval may be remembered, in milliseconds; 0 is never, undefined as long as the
   * user likes.
   */
  remember: number | undefined;
  /** In milliseconds; undefined for what config.toml says. */
  timeout: number | undefined;
  /** The kinds of approver that may answer; undefined for all. */
  approvers: readonly string[] | undefined;
}

/** What decided, as the log names it. */
export type DecidedBy =
  | "default"
  | `rule:${string}`
  | `grant:${string}`
  | `approver:${string}`
  | `fault:${string}`
  | `broken:${string}`;

export function evaluate(policy: Policy, request: Request, caller: Caller): Ruling {
  const ruling = rulingBy(policy, request, caller);
  if (!policy.isBroken || ruling.action !== "allow") return ruling;
  return { ...askedFreely, by: `broken:${ruling.by}` };
}

function rulingBy(policy: Policy, request: Request, caller: Caller): Ruling {
  const rule = policy.rules.find((candidate) => matchRule(candidate, request, caller));
  const ruling = rule ? rulingOf(rule) : defaultRuling(defaultFor(policy, request));
  if (ruling.action !== "ask" || ruling.remember === 0) return ruling;
  const approved = policy.approved.find((candidate) => matchRule(candidate, request, caller));
  return approved?.action === "allow" ? { action: "allow", by: `rule:${approved.name}` } : ruling;
}

function defaultFor({ default: action }: Policy, request: Request): Policy["default"] {
  return action === "allow" && isTrust(request.operation) ? "ask" : action;
}

function rulingOf(rule: Rule): Ruling {
  const by: DecidedBy = `rule:${rule.name}`;
  if (rule.action !== "ask") return { action: rule.action, by };
  const remember = rule.remember === "never" ? 0 : rule.remember;
  return { action: "ask", by, remember, timeout: rule.timeout, approvers: rule.approver };
}

function defaultRuling(action: Policy["default"]): Ruling {
  if (action !== "ask") return { action, by: "default" };
  return { ...askedFreely, by: "default" };
}

const askedFreely = { action: "ask", remember: undefined, timeout: undefined, approvers: undefined } as const;

/**
 * What rules say of a host's names. Some of them may be hashed in known_hosts: of these can only be said whether
 * one that a rule spells out is among them. Whether a pattern fits one can't be said. Nor whether a host has an
 * alias that ssh_config leads there under some conditions alone.
 */

import type { Rule } from "../policy.ts";
import type { Host } from "../request.ts";
import { matchHost } from "./pattern.ts";
import { anyMatches, type Match } from "./result.ts";

/** @param list a pattern list */
export function matchNames(rule: Rule, list: string, host: Host): Match {
  const match = matchCertain(rule, list, host);
  const open = host.maybe?.names.map((name) => matchHost(name, list)) ?? [];
  // to allow, what may be excluded is not allowed; to deny or ask, what may be meant stays open
  if (rule.action === "allow") return match === "yes" && open.includes("negated") ? "unsaid" : match;
  return match === "no" && open.includes("yes") ? "unsaid" : match;
}

function matchCertain(rule: Rule, list: string, { names, unread }: Host): Match {
  const readable = names.map((name) => matchHost(name, list));
  if (!unread) return anyMatches(rule, readable);
  const items = list
    .toLowerCase()
    .split(",")
    .map((item) => item.trim());
  const spelled = items.map((item) => item.replace(/^!\s*/, "")).filter((name) => !/[*?]/.test(name));
  const hidden = spelled.filter((name) => unread.has(name)).map((name) => matchHost(name, list));
  const match = anyMatches(rule, [...readable, ...hidden]);
  const isOpen = (item: string): boolean => /[*?]/.test(item) && item !== "*";
  if (rule.action === "allow")
    return match === "yes" && items.some((item) => item.startsWith("!") && isOpen(item)) ? "unsaid" : match;
  return match === "no" && items.some((item) => !item.startsWith("!") && isOpen(item)) ? "unsaid" : match;
}

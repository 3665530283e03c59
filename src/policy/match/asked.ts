/** What rules say of what is asked for: the operation, the user, the key, what a signature is for. */

import type { Rule } from "../policy.ts";
import { isTrust, type KeyFacts, type Request } from "../request.ts";
import { leadsToHost } from "./destination.ts";
import { maySign } from "./git.ts";
import { matchList } from "./pattern.ts";
import { anyMatches, type Match, said } from "./result.ts";

/** What a list shows follows from the rules on signatures: one on lists has to say so. */
export function matchKind({ on }: Rule, { kind }: Request): Match {
  return said(on === undefined ? kind !== "list" : on.includes(kind));
}

export function matchOperation({ action, operation: wanted }: Rule, { operation }: Request): Match {
  if (wanted === undefined) return said(action !== "allow" || !isTrust(operation));
  return said(wanted.some((one) => one === operation));
}

export function matchUser({ user: list }: Rule, request: Request): Match {
  return list === undefined ? "yes" : matchOptional(list, request.user, leadsToHost(request));
}

export function matchNamespace({ namespace: list }: Rule, request: Request): Match {
  return list === undefined ? "yes" : matchOptional(list, request.namespace, maySign(request));
}

/** @param isOpen whether one that is not known may be any */
function matchOptional(list: string, text: string | undefined, isOpen: boolean): Match {
  if (text === undefined) return isOpen ? "unsaid" : "no";
  return said(matchList(text, list) === "yes");
}

export const ofUnknownKeys: ReadonlySet<Request["operation"]> = new Set([
  "add",
  "remove-all",
  "add-smartcard",
  "remove-smartcard",
]);

/**
 * Whoever adds a key chooses its comment: one that looks like a fingerprint must not pass for another key's.
 */
export function matchKey(rule: Rule, { kind, key, operation }: Request): Match {
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

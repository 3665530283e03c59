/**
 * What rules say of where a request leads. Names are matched only where the host proved its key. With
 * `verified = false` the rule asks for the opposite, and the name is then what the caller claims.
 */

import type { Rule } from "../policy.ts";
import type { Destination, Request } from "../request.ts";
import { matchNames } from "./host-names.ts";
import { matchHost as matchName } from "./pattern.ts";
import { anyMatches, type Match, said } from "./result.ts";

/**
 * Whether the request leads to a host, or may: one that is not known may then be any. Data of unknown shape
 * may be a login, and an ssh-agent that asks for a key does not say what for.
 */
export function leadsToHost({ kind, data, noLogin, operation }: Request): boolean {
  if (kind === "sign") return data !== "sshsig" && !noLogin;
  if (kind === "confirm") return operation !== "add";
  return kind !== "admin" && kind !== "list";
}

export function matchForwarded({ forwarded }: Rule, request: Request): Match {
  return said(forwarded === undefined || forwarded === request.forwarded);
}

export function matchVerified({ verified }: Rule, request: Request): Match {
  if (verified === undefined) return "yes";
  const { destination } = request;
  return destination ? said(verified === destination.verified) : withoutHost(request);
}

export function matchHost(rule: Rule, request: Request): Match {
  const { host } = rule;
  if (host === undefined) return "yes";
  const isClaimed = ({ claimed }: Destination): Match =>
    claimed === undefined ? "no" : anyMatches(rule, [matchName(claimed, host)]);
  return matchPlace(rule, request, (destination) => matchNames(rule, host, destination), isClaimed);
}

export function matchHostKey(rule: Rule, request: Request): Match {
  const list = rule.host_key;
  if (list === undefined) return "yes";
  return matchPlace(
    rule,
    request,
    ({ hostKey }) =>
      matchKnown(
        list.split(",").map((item) => item.trim()),
        hostKey,
      ),
    () => "no",
  );
}

export function matchPort(rule: Rule, request: Request): Match {
  if (rule.port === undefined) return "yes";
  const wanted = [rule.port].flat();
  return matchPlace(
    rule,
    request,
    ({ port, ports }) => (ports ? said(ports.some((one) => wanted.includes(one))) : matchKnown(wanted, port)),
    ({ port }) => said(port !== undefined && wanted.includes(port)),
  );
}

/** @param proven of a host that proved its key. @param claimed of one that did not, where that is wanted */
function matchPlace(
  rule: Rule,
  request: Request,
  proven: (destination: Destination) => Match,
  claimed: (destination: Destination) => Match,
): Match {
  const { destination } = request;
  if (!destination) return withoutHost(request);
  if (destination.verified) return proven(destination);
  return rule.verified === false ? claimed(destination) : "unsaid";
}

function withoutHost(request: Request): Match {
  return leadsToHost(request) ? "unsaid" : "no";
}

/** Not known where the host has several, or has not proved it to the guard. */
function matchKnown<T>(wanted: readonly T[], known: T | undefined): Match {
  return known === undefined ? "unsaid" : said(wanted.includes(known));
}

/** A request and who asks, made of what somebody says of them. What is not said is not known. */
import { checkKinds } from "../check/kinds.ts";
import type { Rule } from "../policy.ts";
import {
  adminOperations,
  type Caller,
  type Destination,
  type Forward,
  type KeyFacts,
  type Request,
  type RequestKind,
} from "../request.ts";
import { HOLDER, NOBODY, processOf } from "./process.ts";
import type { Facts } from "./schema.ts";

/** As `on` says, or as the other facts do; a login where they say nothing. */
export function kindOf(facts: Facts): RequestKind {
  const { on, operation, command, subsystem, tty, x11, forward_agent, environment } = facts;
  const { forward, listen, connect } = facts;
  const isSome = (...values: unknown[]): boolean => values.some((value) => value !== undefined);
  if (on !== undefined) return on;
  if (isSome(command, subsystem, tty, x11, forward_agent, environment)) return "session";
  if (isSome(forward, listen, connect) || operation === "cancel") return "forward";
  if (operation === undefined) return "sign";
  if (operation === "exit" || operation === "stop") return "terminate";
  return adminOperations.some((one) => one === operation) ? "admin" : "confirm";
}

/** What no request of the kind has: as what no rule for it has. */
export function contradictions(facts: Facts): string[] {
  const { host, key, environment, program: _, operation, forward, ...same } = facts;
  const rule = {
    ...{ ...same, name: "", action: "deny", on: [kindOf(facts)] },
    ...(host && { host: host.join() }),
    ...(key && { key: key.join() }),
    ...(environment && { environment: environment.join() }),
    ...(operation && { operation: [operation] }),
    ...(forward && { forward: [forward] }),
  } satisfies Rule;
  return checkKinds(rule).map(({ field, text }) => `${field} ${text}`);
}

export function requestOf(facts: Facts): Request {
  const { user, namespace, repository, branch, operation, command, subsystem, environment } = facts;
  const { tty, x11, forward_agent } = facts;
  const kind = kindOf(facts);
  const isForGit = repository !== undefined || branch !== undefined;
  const purpose = namespace ?? (isForGit ? "git" : undefined);
  const data = kind === "sign" ? (purpose === undefined ? "userauth" : "sshsig") : undefined;
  return {
    ...{ kind, path: [], forwarded: facts.forwarded ?? false },
    ...(data && { data }),
    ...(goesToHost(kind, facts, purpose) && { destination: destinationOf(facts) }),
    ...(user !== undefined && { user }),
    ...(facts.key && { key: keyOf(facts.key) }),
    ...(purpose !== undefined && { namespace: purpose }),
    ...(repository !== undefined && { repository }),
    ...(branch !== undefined && { branch }),
    ...(operation && { operation }),
    ...(kind === "session" && subsystem === undefined && { command: command ?? "" }),
    ...(subsystem !== undefined && { subsystem }),
    ...(tty && { tty }),
    ...(x11 && { x11 }),
    ...(forward_agent && { forwardAgent: forward_agent }),
    ...(environment && { environment }),
    ...((kind === "forward" || facts.forward) && { forward: forwardOf(facts) }),
  };
}

function goesToHost(kind: RequestKind, { host }: Facts, purpose: string | undefined): boolean {
  if (kind === "admin" || purpose !== undefined) return false;
  return host !== undefined || (kind !== "list" && kind !== "confirm");
}

/** Proven as it is said, unless `verified = false`; without a name, nobody knows where to. */
function destinationOf({ host: names = [], host_key, port, verified = true }: Facts): Destination {
  const known = { ...(host_key !== undefined && { hostKey: host_key }), ...(port !== undefined && { port }) };
  const [claimed] = names;
  if (claimed === undefined) return { ...known, verified: false, names: [], how: "no host is said" };
  if (!verified) return { ...known, verified, names: [], how: "said to be unverified", claimed };
  return { ...known, verified, names, how: "said to be verified" };
}

function keyOf(names: readonly string[]): KeyFacts {
  const fingerprint = names.find((name) => name.startsWith("SHA256:")) ?? "SHA256:";
  const comment = names.find((name) => !name.startsWith("SHA256:"));
  return { fingerprint, ...(comment !== undefined && { comment }) };
}

function forwardOf({ forward: kind = "local", listen, connect }: Facts): Forward {
  return { kind, ...(listen !== undefined && { listen }), ...(connect !== undefined && { connect }) };
}

export function callerOf({ program = [], scope, container = false }: Facts): Caller {
  const [own, ...ancestors] = program.map(processOf);
  const isInRun = scope !== undefined && scope !== "";
  return {
    ...NOBODY,
    ...own,
    container,
    ancestors: [...ancestors, ...(isInRun ? [HOLDER] : [])],
    ...(isInRun && { run: { name: scope, pid: HOLDER.pid } }),
  };
}

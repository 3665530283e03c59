/** Keys, and what changes an agent, a shared connection or muxguard itself, in words. */
import type {
  AdminOperation,
  ControlOperation,
  connectionOperations,
  FaultOperation,
  GuardEvent,
  KeyFacts,
  Request,
} from "../request.ts";
import { named, quoted, visible } from "../visible.ts";

export function describeKey({ type, fingerprint, comment }: KeyFacts, limit = 80): string {
  return comment === undefined ? `key ${describeType(type)}${fingerprint}` : `key ${quoted(comment, limit)}`;
}

export function describeType(type: string | undefined): string {
  return type === undefined ? "" : `${visible(type, 60)} `;
}

export const operations: Record<
  AdminOperation | (typeof connectionOperations)[number] | ControlOperation | FaultOperation | GuardEvent,
  string
> = {
  add: "add",
  remove: "remove",
  "remove-all": "remove all keys from the agent",
  "add-smartcard": "load keys from",
  "remove-smartcard": "remove the keys of",
  lock: "lock the agent",
  unlock: "unlock the agent",
  exit: "end the shared connection to",
  stop: "stop sharing the connection to",
  cancel: "end the forward of",
  approve: "approve a question of muxguard",
  deny: "answer a question of muxguard",
  forget: "make muxguard forget its answers",
  "lock-all": "lock muxguard",
  "unlock-all": "unlock muxguard",
  upstream: "point muxguard to another agent",
  "stop-guard": "end muxguard's daemon",
  "restart-guard": "start muxguard's daemon anew",
  reload: "make muxguard read its settings anew",
  "use-socket": "use a socket of muxguard",
  "use-upstream": "use the upstream agent",
  "fleet-policy": "change what the fleet says to this machine",
  "answer-fleet": "answer a question of this machine",
  "policy-broken": "a mistake in the policy",
  "policy-mended": "the policy is mended",
  "lock-removed": "the file of muxguard lock was removed, and is written again",
  "socket-replaced": "a socket of muxguard's was replaced",
  "daemon-lost": "nobody could reach muxguard's daemon any more",
  "daemon-replaced": "another daemon of muxguard's took over",
};

export function describeOperation({ operation, key, provider, constraints = [] }: Request): string {
  const words = operation && operation in operations ? operations[operation as AdminOperation] : "change";
  const object = key ? describeKey(key) : provider === undefined ? "" : `the library ${named(provider, 200)}`;
  const limits =
    constraints.length === 0 ? "" : ` (${constraints.map((limit) => visible(limit, 60)).join(", ")})`;
  return object === "" ? words : `${words} ${object}${limits}`;
}

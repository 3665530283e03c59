/** Fields that are about other kinds of request than the rule is, or about none together. */
import type { Rule } from "../policy.ts";
import {
  adminOperations,
  confirmOperations,
  type Operation,
  type RequestKind,
  requestKinds,
} from "../request.ts";
import type { Field, Found } from "./remark.ts";

/** All but changes of an agent. */
const atHosts: readonly RequestKind[] = requestKinds.filter((kind) => kind !== "admin");

/** Which kinds of request have what a field names; a rule for others says nothing with it, or never matches. */
const kindsOf: Partial<Record<Field, readonly RequestKind[]>> = {
  host: atHosts,
  port: atHosts,
  host_key: atHosts,
  user: atHosts,
  key: ["sign", "list", "admin", "confirm"],
  namespace: ["sign", "confirm"],
  repository: ["sign", "confirm"],
  branch: ["sign", "confirm"],
  operation: ["admin", "terminate", "forward", "confirm"],
  command: ["session", "confirm"],
  subsystem: ["session", "confirm"],
  tty: ["session", "confirm"],
  x11: ["session", "confirm"],
  forward_agent: ["session", "confirm"],
  environment: ["session", "confirm"],
  forward: ["forward", "confirm"],
  listen: ["forward", "confirm"],
  connect: ["forward", "confirm"],
};

export function checkKinds(rule: Rule): Found[] {
  return [...checkNamed(rule), ...checkOperations(rule), ...checkTogether(rule)];
}

function checkNamed(rule: Rule): Found[] {
  const { on } = rule;
  if (on === undefined) return [];
  return (Object.entries(kindsOf) as [Field, readonly RequestKind[]][]).flatMap(([field, kinds]) => {
    if (rule[field] === undefined || on.some((kind) => kinds.includes(kind))) return [];
    const missing = `says nothing of ${on.map((kind) => `"${kind}"`).join(", ")}; add "${kinds[0]}" to on`;
    return [{ field, text: missing }];
  });
}

/** Which kinds of request an operation is of. */
export function kindsOfOperation(operation: Operation): readonly RequestKind[] {
  if (operation === "cancel") return ["forward"];
  if (operation === "exit" || operation === "stop") return ["terminate", "confirm"];
  const isAdmin = adminOperations.some((one) => one === operation);
  const isConfirm = operation === "add" || confirmOperations.some((one) => one === operation);
  return [...(isAdmin ? (["admin"] as const) : []), ...(isConfirm ? (["confirm"] as const) : [])];
}

function checkOperations({ on, operation = [] }: Rule): Found[] {
  if (on === undefined || !on.some((kind) => kindsOf.operation?.includes(kind))) return [];
  return operation.flatMap((one): Found[] => {
    const kinds = kindsOfOperation(one);
    if (on.some((kind) => kinds.includes(kind))) return [];
    return [
      { field: "operation", text: `never matches "${one}": that is one of "${kinds[0]}"; add that to on` },
    ];
  });
}

/** Fields that no request has together. */
function checkTogether(rule: Rule): Found[] {
  const { command, subsystem, namespace, forward, listen, connect, action } = rule;
  const found: Found[] = [];
  if (command !== undefined && subsystem !== undefined)
    found.push({ field: "subsystem", text: "never matches with a command: a session has one of both" });
  const place = (["host", "port", "host_key", "user", "verified"] as const).find(
    (one) => rule[one] !== undefined,
  );
  if (namespace !== undefined && place !== undefined)
    found.push({
      field: place,
      text: "never matches with a namespace: what is signed for one goes to no host",
    });
  if (listen !== undefined && forward?.every((kind) => kind === "stdio"))
    found.push({ field: "listen", text: 'never matches: a "stdio" forward listens nowhere' });
  const isOpen = action !== "allow" || connect?.trim() === "*";
  if (connect !== undefined && !isOpen && forward?.every((kind) => kind === "dynamic"))
    found.push({
      field: "connect",
      text: 'never matches: a "dynamic" forward leads anywhere; allow "*" or nothing',
    });
  return found;
}

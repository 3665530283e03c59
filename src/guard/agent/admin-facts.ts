/** What changes an agent, in the policy's words. */
import type { AdminOperation, KeyFacts } from "../../policy/request.ts";
import { unreachable } from "../../unreachable.ts";
import type { Constraint } from "../../wire/agent/add-identity.ts";
import type { AgentRequest } from "../../wire/agent/agent.ts";

export type AdminAgentRequest = Exclude<
  AgentRequest,
  { type: "SSH_AGENTC_REQUEST_IDENTITIES" | "SSH_AGENTC_SIGN_REQUEST" | "SSH_AGENTC_EXTENSION" | "unknown" }
>;

interface AdminFacts {
  operation: AdminOperation;
  key?: KeyFacts;
  provider?: string;
  constraints?: string[];
}

/**
 * @param facts of a key blob
 * @throws ProtocolError for a key that can't be read
 */
export function adminFacts(request: AdminAgentRequest, facts: (key: Buffer) => KeyFacts): AdminFacts {
  switch (request.type) {
    case "SSH_AGENTC_ADD_IDENTITY":
    case "SSH_AGENTC_ADD_ID_CONSTRAINED":
      return {
        operation: "add",
        key: { ...facts(request.publicKey), comment: request.comment },
        ...constraintFacts(request.constraints),
      };
    case "SSH_AGENTC_REMOVE_IDENTITY":
      return { operation: "remove", key: facts(request.key) };
    case "SSH_AGENTC_REMOVE_ALL_IDENTITIES":
      return { operation: "remove-all" };
    case "SSH_AGENTC_ADD_SMARTCARD_KEY":
      return { operation: "add-smartcard", provider: request.provider };
    case "SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED":
      return {
        operation: "add-smartcard",
        provider: request.provider,
        ...constraintFacts(request.constraints),
      };
    case "SSH_AGENTC_REMOVE_SMARTCARD_KEY":
      return { operation: "remove-smartcard", provider: request.provider };
    case "SSH_AGENTC_LOCK":
      return { operation: "lock" };
    case "SSH_AGENTC_UNLOCK":
      return { operation: "unlock" };
    default:
      return unreachable(request);
  }
}

function constraintFacts(constraints: readonly Constraint[]): Pick<AdminFacts, "constraints"> {
  return constraints.length === 0 ? {} : { constraints: constraints.map(describeConstraint) };
}

function describeConstraint(constraint: Constraint): string {
  switch (constraint.kind) {
    case "lifetime":
      return `for ${constraint.seconds} seconds`;
    case "confirm":
      return "asks at each use";
    case "sk-provider":
      return `through ${constraint.provider}`;
    case "restrict-destination":
      return "for certain destinations";
    case "associated-certs":
      return constraint.certsOnly ? "certificates only" : "with certificates";
    default:
      return unreachable(constraint);
  }
}

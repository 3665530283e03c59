/**
 * The message numbers of the agent protocol, once: RFC 9987 §6.1, with OpenSSH's authfd.h for the ones it
 * still knows.
 */
export const AgentMessage = {
  SSH_AGENT_FAILURE: 5,
  SSH_AGENT_SUCCESS: 6,
  SSH_AGENTC_REQUEST_IDENTITIES: 11,
  SSH_AGENT_IDENTITIES_ANSWER: 12,
  SSH_AGENTC_SIGN_REQUEST: 13,
  SSH_AGENT_SIGN_RESPONSE: 14,
  SSH_AGENTC_ADD_IDENTITY: 17,
  SSH_AGENTC_REMOVE_IDENTITY: 18,
  SSH_AGENTC_REMOVE_ALL_IDENTITIES: 19,
  SSH_AGENTC_ADD_SMARTCARD_KEY: 20,
  SSH_AGENTC_REMOVE_SMARTCARD_KEY: 21,
  SSH_AGENTC_LOCK: 22,
  SSH_AGENTC_UNLOCK: 23,
  SSH_AGENTC_ADD_ID_CONSTRAINED: 25,
  SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED: 26,
  SSH_AGENTC_EXTENSION: 27,
  SSH_AGENT_EXTENSION_FAILURE: 28,
  SSH_AGENT_EXTENSION_RESPONSE: 29,
} as const;

/** RFC 9987 §6.3, used in "add constrained" requests. */
export const KeyConstraint = {
  SSH_AGENT_CONSTRAIN_LIFETIME: 1,
  SSH_AGENT_CONSTRAIN_CONFIRM: 2,
  SSH_AGENT_CONSTRAIN_EXTENSION: 255,
} as const;

const names = new Map<number, string>(Object.entries(AgentMessage).map(([name, number]) => [number, name]));

/** The spec's name of a message number, for logs and errors. */
export function agentMessageName(number: number): string {
  return names.get(number) ?? `message ${number}`;
}

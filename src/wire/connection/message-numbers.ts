/** The message numbers of the SSH connection protocol, once: RFC 4254 §9. */
export const SshMessage = {
  SSH_MSG_GLOBAL_REQUEST: 80,
  SSH_MSG_REQUEST_SUCCESS: 81,
  SSH_MSG_REQUEST_FAILURE: 82,
  SSH_MSG_CHANNEL_OPEN: 90,
  SSH_MSG_CHANNEL_OPEN_CONFIRMATION: 91,
  SSH_MSG_CHANNEL_OPEN_FAILURE: 92,
  SSH_MSG_CHANNEL_WINDOW_ADJUST: 93,
  SSH_MSG_CHANNEL_DATA: 94,
  SSH_MSG_CHANNEL_EXTENDED_DATA: 95,
  SSH_MSG_CHANNEL_EOF: 96,
  SSH_MSG_CHANNEL_CLOSE: 97,
  SSH_MSG_CHANNEL_REQUEST: 98,
  SSH_MSG_CHANNEL_SUCCESS: 99,
  SSH_MSG_CHANNEL_FAILURE: 100,
} as const;

/** Why a channel was not opened: RFC 4254 §5.1. */
export const OpenFailure = {
  SSH_OPEN_ADMINISTRATIVELY_PROHIBITED: 1,
  SSH_OPEN_CONNECT_FAILED: 2,
  SSH_OPEN_UNKNOWN_CHANNEL_TYPE: 3,
  SSH_OPEN_RESOURCE_SHORTAGE: 4,
} as const;

const names = new Map<number, string>(Object.entries(SshMessage).map(([name, number]) => [number, name]));

/** The RFC's name of a message number, for logs and errors. */
export function sshMessageName(number: number): string {
  return names.get(number) ?? `message ${number}`;
}

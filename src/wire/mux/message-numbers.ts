/**
 * The message numbers of the ControlMaster protocol, once, from OpenSSH's mux.c. PROTOCOL.mux leaves out
 * MUX_C_PROXY, MUX_C_EXT_INFO and their replies.
 */
export const MuxMessage = {
  MUX_MSG_HELLO: 0x00000001,
  MUX_C_NEW_SESSION: 0x10000002,
  MUX_C_ALIVE_CHECK: 0x10000004,
  MUX_C_TERMINATE: 0x10000005,
  MUX_C_OPEN_FWD: 0x10000006,
  MUX_C_CLOSE_FWD: 0x10000007,
  MUX_C_NEW_STDIO_FWD: 0x10000008,
  MUX_C_STOP_LISTENING: 0x10000009,
  MUX_C_PROXY: 0x1000000f,
  MUX_C_EXT_INFO: 0x20000001,
  MUX_S_OK: 0x80000001,
  MUX_S_PERMISSION_DENIED: 0x80000002,
  MUX_S_FAILURE: 0x80000003,
  MUX_S_EXIT_MESSAGE: 0x80000004,
  MUX_S_ALIVE: 0x80000005,
  MUX_S_SESSION_OPENED: 0x80000006,
  MUX_S_REMOTE_PORT: 0x80000007,
  MUX_S_TTY_ALLOC_FAIL: 0x80000008,
  MUX_S_PROXY: 0x8000000f,
  MUX_S_EXT_INFO: 0x90000001,
} as const;

/** SSHMUX_VER: what both sides of a HELLO must say. */
export const MUX_VERSION = 4;

const names = new Map<number, string>(Object.entries(MuxMessage).map(([name, number]) => [number, name]));

/** OpenSSH's name of a message number, for logs and errors. */
export function muxMessageName(number: number): string {
  return names.get(number) ?? `message 0x${number.toString(16)}`;
}

/** How many descriptors the client passes after this packet: its number says so, whatever the contents. */
export function descriptorsAfter(payload: Buffer): 0 | 2 | 3 {
  switch (payload.length >= 4 && payload.readUInt32BE()) {
    case MuxMessage.MUX_C_NEW_SESSION:
      return 3;
    case MuxMessage.MUX_C_NEW_STDIO_FWD:
      return 2;
    default:
      return 0;
  }
}

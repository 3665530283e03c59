/**
 * The session-bind@openssh.com extension: which SSH session an agent connection belongs to. OpenSSH
 * PROTOCOL.agent §1.
 */
import { ByteWriter, readAll } from "../primitives.ts";

export const SESSION_BIND = "session-bind@openssh.com";

export interface SessionBind {
  /** The server's host key blob, with its certificate if it has one. */
  hostKey: Buffer;
  sessionIdentifier: Buffer;
  /** The host key's signature over the session identifier, from the key exchange. */
  signature: Buffer;
  /** True if the connection is lent to that host, false if it authenticates to it. */
  isForwarding: boolean;
}

/** @throws ProtocolError */
export function parseSessionBind(details: Buffer): SessionBind {
  return readAll(details, (reader) => ({
    hostKey: reader.string(),
    sessionIdentifier: reader.string(),
    signature: reader.string(),
    isForwarding: reader.bool(),
  }));
}

export function encodeSessionBind(bind: SessionBind): Buffer {
  return new ByteWriter()
    .string(bind.hostKey)
    .string(bind.sessionIdentifier)
    .string(bind.signature)
    .bool(bind.isForwarding)
    .toBuffer();
}

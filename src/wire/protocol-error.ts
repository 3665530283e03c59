/** Bytes that do not follow the protocol. The message names what was wrong and never holds the bytes themselves. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

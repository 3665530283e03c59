/**
 * Bytes that do not follow the protocol. The message names what was wrong and never holds the bytes
 * themselves.
 */
export class ProtocolError extends Error {
  override name = "ProtocolError";

  /** Without a stack: whatever a client sends may throw one, and the stack would be most of its price. */
  constructor(message: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
  }
}

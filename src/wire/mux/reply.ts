/**
 * What a mux master answers, as values: OpenSSH's PROTOCOL.mux, and mux.c for MUX_S_PROXY and MUX_S_EXT_INFO.
 * Its HELLO is that of a client (request.ts). The encoder is for what the guard answers itself.
 */

import { type ByteReader, ByteWriter, readAll } from "../primitives.ts";
import { MuxMessage } from "./message-numbers.ts";
import { type MuxHello, readHello, writeHello } from "./request.ts";

export type MuxReply =
  | MuxHello
  | { type: "MUX_S_OK" | "MUX_S_PROXY"; requestId: number }
  | { type: "MUX_S_PERMISSION_DENIED" | "MUX_S_FAILURE"; requestId: number; reason: string }
  | { type: "MUX_S_EXIT_MESSAGE"; sessionId: number; exitValue: number }
  /** `pid`: where the client sends SIGWINCH. */
  | { type: "MUX_S_ALIVE"; requestId: number; pid: number }
  | { type: "MUX_S_SESSION_OPENED"; requestId: number; sessionId: number }
  | { type: "MUX_S_REMOTE_PORT"; requestId: number; port: number }
  | { type: "MUX_S_TTY_ALLOC_FAIL"; sessionId: number }
  | { type: "MUX_S_EXT_INFO"; requestId: number; status: number; message: string }
  | { type: "unknown"; number: number };

/** @throws ProtocolError for contents that the message number doesn't allow */
export function parseMuxReply(payload: Buffer): MuxReply {
  return readAll(payload, (reader) => readReply(reader.u32(), reader));
}

function readReply(number: number, reader: ByteReader): MuxReply {
  switch (number) {
    case MuxMessage.MUX_MSG_HELLO:
      return readHello(reader);
    case MuxMessage.MUX_S_OK:
      return { type: "MUX_S_OK", requestId: reader.u32() };
    case MuxMessage.MUX_S_PROXY:
      return { type: "MUX_S_PROXY", requestId: reader.u32() };
    case MuxMessage.MUX_S_PERMISSION_DENIED:
      return { type: "MUX_S_PERMISSION_DENIED", requestId: reader.u32(), reason: reader.comment() };
    case MuxMessage.MUX_S_FAILURE:
      return { type: "MUX_S_FAILURE", requestId: reader.u32(), reason: reader.comment() };
    case MuxMessage.MUX_S_EXIT_MESSAGE:
      return { type: "MUX_S_EXIT_MESSAGE", sessionId: reader.u32(), exitValue: reader.u32() };
    case MuxMessage.MUX_S_ALIVE:
      return { type: "MUX_S_ALIVE", requestId: reader.u32(), pid: reader.u32() };
    case MuxMessage.MUX_S_SESSION_OPENED:
      return { type: "MUX_S_SESSION_OPENED", requestId: reader.u32(), sessionId: reader.u32() };
    case MuxMessage.MUX_S_REMOTE_PORT:
      return { type: "MUX_S_REMOTE_PORT", requestId: reader.u32(), port: reader.u32() };
    case MuxMessage.MUX_S_TTY_ALLOC_FAIL:
      return { type: "MUX_S_TTY_ALLOC_FAIL", sessionId: reader.u32() };
    case MuxMessage.MUX_S_EXT_INFO: {
      const [requestId, status] = [reader.u32(), reader.u32()];
      return { type: "MUX_S_EXT_INFO", requestId, status, message: reader.comment() };
    }
    default:
      reader.rest();
      return { type: "unknown", number };
  }
}

/** The payload of a reply; the reverse of parseMuxReply. */
export function encodeMuxReply(reply: MuxReply): Buffer {
  const number = reply.type === "unknown" ? reply.number : MuxMessage[reply.type];
  const writer = new ByteWriter().u32(number);
  switch (reply.type) {
    case "MUX_MSG_HELLO":
      return writeHello(writer, reply).toBuffer();
    case "MUX_S_OK":
    case "MUX_S_PROXY":
      return writer.u32(reply.requestId).toBuffer();
    case "MUX_S_PERMISSION_DENIED":
    case "MUX_S_FAILURE":
      return writer.u32(reply.requestId).string(reply.reason).toBuffer();
    case "MUX_S_EXIT_MESSAGE":
      return writer.u32(reply.sessionId).u32(reply.exitValue).toBuffer();
    case "MUX_S_ALIVE":
      return writer.u32(reply.requestId).u32(reply.pid).toBuffer();
    case "MUX_S_SESSION_OPENED":
      return writer.u32(reply.requestId).u32(reply.sessionId).toBuffer();
    case "MUX_S_REMOTE_PORT":
      return writer.u32(reply.requestId).u32(reply.port).toBuffer();
    case "MUX_S_TTY_ALLOC_FAIL":
      return writer.u32(reply.sessionId).toBuffer();
    case "MUX_S_EXT_INFO":
      return writer.u32(reply.requestId).u32(reply.status).string(reply.message).toBuffer();
    case "unknown":
      return writer.toBuffer();
  }
}

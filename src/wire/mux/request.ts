/**
 * What a mux client asks of a ControlMaster, as values: OpenSSH's PROTOCOL.mux, and mux.c where the two
 * differ.
 *
 * Limits: descriptors are no part of a message, see decoder.ts. After MUX_S_PROXY the socket carries another
 * protocol, see ../connection.
 *
 * Decoding is for deciding: what is forwarded is the original packet (../frame.ts). mux.c leaves what follows
 * its fields unread. Here such a message is refused, so that nothing is forwarded that was not read. The
 * encoder is for what the guard itself asks.
 */

import { type ByteReader, ByteWriter, readAll } from "../primitives.ts";
import { ProtocolError } from "../protocol-error.ts";
import { MuxMessage } from "./message-numbers.ts";

/** A TCP port; "path" says that the host beside it is the path of a Unix socket. */
export type MuxPort = number | "path";

/** PORT_STREAMLOCAL of OpenSSH's channels.h, -2. */
const PORT_STREAMLOCAL = 0xfffffffe;

export interface MuxHello {
  type: "MUX_MSG_HELLO";
  version: number;
  extensions: { name: string; value: Buffer }[];
}

export interface MuxNewSession {
  type: "MUX_C_NEW_SESSION";
  requestId: number;
  wantTty: boolean;
  wantX11: boolean;
  wantAgent: boolean;
  /** True if `command` is the name of a subsystem. */
  subsystem: boolean;
  /** 0xffffffff for none. */
  escapeCharacter: number;
  terminal: string;
  /** Empty for a login shell. */
  command: string;
  /** "NAME=value"; the master leaves out what its SendEnv does not name. */
  environment: string[];
}

export interface MuxForward {
  type: "MUX_C_OPEN_FWD" | "MUX_C_CLOSE_FWD";
  requestId: number;
  forward: keyof typeof forwardTypes;
  /** Empty for the master's default, which its GatewayPorts decides. */
  listenHost: string;
  /** 0 lets the server choose, for a remote forward. */
  listenPort: MuxPort;
  /**
   * Port 0 means no host, and so does a dynamic forward. OpenSSH sends "socks" and 0 for -D, and for a -R
   * that has no target.
   */
  connectHost: string;
  connectPort: MuxPort;
}

export interface MuxNewStdioForward {
  type: "MUX_C_NEW_STDIO_FWD";
  requestId: number;
  host: string;
  port: MuxPort;
}

export type MuxRequest =
  | MuxHello
  | MuxNewSession
  | MuxForward
  | MuxNewStdioForward
  | { type: "MUX_C_ALIVE_CHECK"; requestId: number }
  | { type: "MUX_C_TERMINATE"; requestId: number }
  | { type: "MUX_C_STOP_LISTENING"; requestId: number }
  | { type: "MUX_C_PROXY"; requestId: number }
  | { type: "MUX_C_EXT_INFO"; requestId: number; name: string }
  | { type: "unknown"; number: number; requestId?: number };

const forwardTypes = { local: 1, remote: 2, dynamic: 3 } as const;

/**
 * @param payload a frame's payload: message number and contents
 * @throws ProtocolError for contents that the message number doesn't allow
 */
export function parseMuxRequest(payload: Buffer): MuxRequest {
  return readAll(payload, (reader) => readRequest(reader.u32(), reader));
}

function readRequest(number: number, reader: ByteReader): MuxRequest {
  switch (number) {
    case MuxMessage.MUX_MSG_HELLO:
      return readHello(reader);
    case MuxMessage.MUX_C_NEW_SESSION:
      return readNewSession(reader);
    case MuxMessage.MUX_C_ALIVE_CHECK:
      return { type: "MUX_C_ALIVE_CHECK", requestId: reader.u32() };
    case MuxMessage.MUX_C_TERMINATE:
      return { type: "MUX_C_TERMINATE", requestId: reader.u32() };
    case MuxMessage.MUX_C_OPEN_FWD:
      return { type: "MUX_C_OPEN_FWD", ...readForward(reader) };
    case MuxMessage.MUX_C_CLOSE_FWD:
      return { type: "MUX_C_CLOSE_FWD", ...readForward(reader) };
    case MuxMessage.MUX_C_NEW_STDIO_FWD:
      return readNewStdioForward(reader);
    case MuxMessage.MUX_C_STOP_LISTENING:
      return { type: "MUX_C_STOP_LISTENING", requestId: reader.u32() };
    case MuxMessage.MUX_C_PROXY:
      return { type: "MUX_C_PROXY", requestId: reader.u32() };
    case MuxMessage.MUX_C_EXT_INFO:
      return { type: "MUX_C_EXT_INFO", requestId: reader.u32(), name: reader.text() };
    default:
      return { type: "unknown", number, ...readUnknown(reader) };
  }
}

/** mux.c ends the connection of a request without an id, and answers one that has it. */
function readUnknown(reader: ByteReader): { requestId?: number } {
  const id = reader.remaining >= 4 ? { requestId: reader.u32() } : {};
  reader.rest();
  return id;
}

export function readHello(reader: ByteReader): MuxHello {
  const version = reader.u32();
  const extensions: MuxHello["extensions"] = [];
  while (reader.remaining > 0) extensions.push({ name: reader.text(), value: reader.string() });
  return { type: "MUX_MSG_HELLO", version, extensions };
}

/** The flags are uint32 in mux.c, bool in PROTOCOL.mux. */
function readNewSession(reader: ByteReader): MuxNewSession {
  const flag = (): boolean => reader.u32() !== 0;
  const requestId = reader.u32();
  reader.string(); // reserved
  const session: MuxNewSession = {
    type: "MUX_C_NEW_SESSION",
    requestId,
    wantTty: flag(),
    wantX11: flag(),
    wantAgent: flag(),
    subsystem: flag(),
    escapeCharacter: reader.u32(),
    terminal: reader.anyText(),
    command: reader.anyText(),
    environment: [],
  };
  while (reader.remaining > 0) session.environment.push(reader.anyText());
  return session;
}

function readForward(reader: ByteReader): Omit<MuxForward, "type"> {
  const forward = readForwardFields(reader);
  // mux.c takes it for a listener without a path, and may end
  if (forward.listenPort === "path" && forward.listenHost === "")
    throw new ProtocolError("no path to listen at");
  return forward;
}

function readForwardFields(reader: ByteReader): Omit<MuxForward, "type"> {
  return {
    requestId: reader.u32(),
    forward: readForwardType(reader),
    listenHost: reader.anyText(),
    listenPort: readPort(reader),
    connectHost: reader.anyText(),
    connectPort: readPort(reader),
  };
}

/** At an unknown type format_forward() of mux.c ends the master, and all its sessions. */
function readForwardType(reader: ByteReader): MuxForward["forward"] {
  const number = reader.u32();
  for (const [name, value] of Object.entries(forwardTypes)) {
    if (value === number) return name as MuxForward["forward"];
  }
  throw new ProtocolError(`forwarding type ${number}`);
}

/** The port is a uint32, as mux.c has it. PROTOCOL.mux says string; mux.c refuses that too. */
function readNewStdioForward(reader: ByteReader): MuxNewStdioForward {
  const requestId = reader.u32();
  reader.string(); // reserved
  return { type: "MUX_C_NEW_STDIO_FWD", requestId, host: reader.anyText(), port: readPort(reader) };
}

function readPort(reader: ByteReader): MuxPort {
  const port = reader.u32();
  if (port === PORT_STREAMLOCAL) return "path";
  if (port > 65535) throw new ProtocolError(`port ${port}`);
  return port;
}

/** The payload of a request; the reverse of parseMuxRequest. */
export function encodeMuxRequest(request: MuxRequest): Buffer {
  const number = request.type === "unknown" ? request.number : MuxMessage[request.type];
  const writer = new ByteWriter().u32(number);
  switch (request.type) {
    case "MUX_MSG_HELLO":
      return writeHello(writer, request).toBuffer();
    case "MUX_C_NEW_SESSION":
      return writeNewSession(writer.u32(request.requestId), request).toBuffer();
    case "MUX_C_ALIVE_CHECK":
    case "MUX_C_TERMINATE":
    case "MUX_C_STOP_LISTENING":
    case "MUX_C_PROXY":
      return writer.u32(request.requestId).toBuffer();
    case "MUX_C_OPEN_FWD":
    case "MUX_C_CLOSE_FWD":
      return writeForward(writer.u32(request.requestId), request).toBuffer();
    case "MUX_C_NEW_STDIO_FWD": {
      const { requestId, host, port } = request;
      return writer.u32(requestId).string("").anyText(host).u32(portNumber(port)).toBuffer();
    }
    case "MUX_C_EXT_INFO":
      return writer.u32(request.requestId).string(request.name).toBuffer();
    case "unknown":
      return (request.requestId === undefined ? writer : writer.u32(request.requestId)).toBuffer();
  }
}

export function writeHello(writer: ByteWriter, hello: MuxHello): ByteWriter {
  writer.u32(hello.version);
  for (const { name, value } of hello.extensions) writer.string(name).string(value);
  return writer;
}

function writeNewSession(writer: ByteWriter, session: MuxNewSession): ByteWriter {
  const { wantTty, wantX11, wantAgent, subsystem } = session;
  writer.string("");
  for (const flag of [wantTty, wantX11, wantAgent, subsystem]) writer.u32(flag ? 1 : 0);
  writer.u32(session.escapeCharacter).anyText(session.terminal).anyText(session.command);
  for (const variable of session.environment) writer.anyText(variable);
  return writer;
}

function writeForward(writer: ByteWriter, forward: MuxForward): ByteWriter {
  return writer
    .u32(forwardTypes[forward.forward])
    .anyText(forward.listenHost)
    .u32(portNumber(forward.listenPort))
    .anyText(forward.connectHost)
    .u32(portNumber(forward.connectPort));
}

function portNumber(port: MuxPort): number {
  return port === "path" ? PORT_STREAMLOCAL : port;
}

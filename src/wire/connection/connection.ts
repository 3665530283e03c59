/**
 * The SSH connection protocol (RFC 4254), as a proxy client speaks it with the master after MUX_S_PROXY:
 * OpenSSH's PROTOCOL.mux §9, channel_proxy_downstream() of channels.c. A frame's payload is the length of a
 * padding that is not there, the message number and the contents.
 *
 * The master leaves two things to whoever decides (tried with 9.2). It sends on every message number, also
 * the transport's DISCONNECT, which ends the connection of all: refuse what is "unknown". And it translates
 * only the client's own channel numbers. A `recipient` is the server's number: with another session's a
 * client writes into that session, and with one that isn't there it ends the connection.
 */

import { type ByteReader, ByteWriter, readAll } from "../primitives.ts";
import { ProtocolError } from "../protocol-error.ts";
import { SshMessage } from "./message-numbers.ts";

export interface GlobalRequest {
  type: "SSH_MSG_GLOBAL_REQUEST";
  name: string;
  wantReply: boolean;
  /** Of tcpip-forward and cancel-tcpip-forward. Port 0: the server chooses. */
  forward?: { address: string; port: number };
}

/** What the sender of a message takes on a channel, in bytes. */
export interface Room {
  window: number;
  maxPacket: number;
}

export interface ChannelOpen {
  type: "SSH_MSG_CHANNEL_OPEN";
  channelType: string;
  /** The sender's own number for the channel. */
  sender: number;
  window: number;
  maxPacket: number;
  /** Of direct-tcpip. */
  target?: { host: string; port: number; originHost: string; originPort: number };
  /** Of direct-streamlocal@openssh.com: the path of a Unix socket. */
  path?: string;
}

export interface ChannelRequest {
  type: "SSH_MSG_CHANNEL_REQUEST";
  recipient: number;
  name: string;
  wantReply: boolean;
  /** Of exec. */
  command?: string;
  /** Of subsystem. */
  subsystem?: string;
  /** Of env: the name; its value is left out. */
  variable?: string;
}

/** `recipient` is the number that the receiver of the message gave the channel. */
export type ConnectionMessage =
  | GlobalRequest
  | { type: "SSH_MSG_REQUEST_SUCCESS" | "SSH_MSG_REQUEST_FAILURE" }
  | ChannelOpen
  | ({ type: "SSH_MSG_CHANNEL_OPEN_CONFIRMATION"; recipient: number; sender: number } & Room)
  | { type: "SSH_MSG_CHANNEL_WINDOW_ADJUST"; recipient: number; window: number }
  | { type: "SSH_MSG_CHANNEL_DATA"; recipient: number; length: number }
  | { type: "SSH_MSG_CHANNEL_EXTENDED_DATA"; recipient: number; length: number }
  | ChannelRequest
  | {
      type:
        | "SSH_MSG_CHANNEL_OPEN_FAILURE"
        | "SSH_MSG_CHANNEL_EOF"
        | "SSH_MSG_CHANNEL_CLOSE"
        | "SSH_MSG_CHANNEL_SUCCESS"
        | "SSH_MSG_CHANNEL_FAILURE";
      recipient: number;
    }
  | { type: "unknown"; number: number };

/**
 * @param payload a frame's payload: 0, message number and contents
 * @throws ProtocolError for padding, and for contents that the message number doesn't allow
 */
export function parseConnectionMessage(payload: Buffer): ConnectionMessage {
  return readAll(payload, (reader) => {
    if (reader.u8() !== 0) throw new ProtocolError("a message with padding");
    return readMessage(reader.u8(), reader);
  });
}

function readMessage(number: number, reader: ByteReader): ConnectionMessage {
  switch (number) {
    case SshMessage.SSH_MSG_CHANNEL_DATA:
      return { type: "SSH_MSG_CHANNEL_DATA", recipient: reader.u32(), length: reader.string().length };
    case SshMessage.SSH_MSG_CHANNEL_EXTENDED_DATA: {
      const recipient = reader.u32();
      reader.u32(); // of which kind
      return { type: "SSH_MSG_CHANNEL_EXTENDED_DATA", recipient, length: reader.string().length };
    }
    case SshMessage.SSH_MSG_CHANNEL_WINDOW_ADJUST:
      return { type: "SSH_MSG_CHANNEL_WINDOW_ADJUST", recipient: reader.u32(), window: reader.u32() };
    case SshMessage.SSH_MSG_CHANNEL_EOF:
      return { type: "SSH_MSG_CHANNEL_EOF", recipient: reader.u32() };
    case SshMessage.SSH_MSG_CHANNEL_CLOSE:
      return { type: "SSH_MSG_CHANNEL_CLOSE", recipient: reader.u32() };
    case SshMessage.SSH_MSG_CHANNEL_SUCCESS:
      return { type: "SSH_MSG_CHANNEL_SUCCESS", recipient: reader.u32() };
    case SshMessage.SSH_MSG_CHANNEL_FAILURE:
      return { type: "SSH_MSG_CHANNEL_FAILURE", recipient: reader.u32() };
    case SshMessage.SSH_MSG_CHANNEL_REQUEST:
      return readChannelRequest(reader);
    default:
      return readOpening(number, reader);
  }
}

/** What comes once for a channel, or for the connection. */
function readOpening(number: number, reader: ByteReader): ConnectionMessage {
  switch (number) {
    case SshMessage.SSH_MSG_GLOBAL_REQUEST:
      return readGlobalRequest(reader);
    case SshMessage.SSH_MSG_REQUEST_SUCCESS:
      reader.rest(); // what the request asked for
      return { type: "SSH_MSG_REQUEST_SUCCESS" };
    case SshMessage.SSH_MSG_REQUEST_FAILURE:
      return { type: "SSH_MSG_REQUEST_FAILURE" };
    case SshMessage.SSH_MSG_CHANNEL_OPEN:
      return readChannelOpen(reader);
    case SshMessage.SSH_MSG_CHANNEL_OPEN_CONFIRMATION:
      return readOpenConfirmation(reader);
    case SshMessage.SSH_MSG_CHANNEL_OPEN_FAILURE:
      return readOpenFailure(reader);
    default:
      reader.rest();
      return { type: "unknown", number };
  }
}

function readGlobalRequest(reader: ByteReader): GlobalRequest {
  const request: GlobalRequest = {
    type: "SSH_MSG_GLOBAL_REQUEST",
    name: reader.text(),
    wantReply: reader.bool(),
  };
  switch (request.name) {
    case "tcpip-forward":
    case "cancel-tcpip-forward":
      return { ...request, forward: { address: reader.anyText(), port: readPort(reader) } };
    default:
      reader.rest();
      return request;
  }
}

function readChannelOpen(reader: ByteReader): ChannelOpen {
  const open: ChannelOpen = {
    type: "SSH_MSG_CHANNEL_OPEN",
    channelType: reader.text(),
    sender: reader.u32(),
    window: reader.u32(),
    maxPacket: reader.u32(),
  };
  switch (open.channelType) {
    case "session":
      return open;
    case "direct-tcpip":
      return { ...open, target: readTarget(reader) };
    case "direct-streamlocal@openssh.com":
      return { ...open, path: readSocketPath(reader) };
    default:
      reader.rest();
      return open;
  }
}

/** RFC 4254 §7.2. The origin is the client's own word, and its port may be anything. */
function readTarget(reader: ByteReader): NonNullable<ChannelOpen["target"]> {
  return {
    host: reader.anyText(),
    port: readPort(reader),
    originHost: reader.anyText(),
    originPort: reader.u32(),
  };
}

/** OpenSSH's PROTOCOL §2.4. */
function readSocketPath(reader: ByteReader): string {
  const path = reader.anyText();
  reader.string(); // reserved
  reader.u32(); // reserved
  return path;
}

function readPort(reader: ByteReader): number {
  const port = reader.u32();
  if (port > 65535) throw new ProtocolError(`port ${port}`);
  return port;
}

function readOpenConfirmation(reader: ByteReader): ConnectionMessage {
  const [recipient, sender, window, maxPacket] = [reader.u32(), reader.u32(), reader.u32(), reader.u32()];
  reader.rest(); // of the channel's type
  return { type: "SSH_MSG_CHANNEL_OPEN_CONFIRMATION", recipient, sender, window, maxPacket };
}

function readOpenFailure(reader: ByteReader): ConnectionMessage {
  const recipient = reader.u32();
  reader.u32(); // reason
  reader.string(); // its description
  reader.string(); // the description's language
  return { type: "SSH_MSG_CHANNEL_OPEN_FAILURE", recipient };
}

function readChannelRequest(reader: ByteReader): ChannelRequest {
  const request: ChannelRequest = {
    type: "SSH_MSG_CHANNEL_REQUEST",
    recipient: reader.u32(),
    name: reader.text(),
    wantReply: reader.bool(),
  };
  switch (request.name) {
    case "shell":
      return request;
    case "exec":
      return { ...request, command: reader.anyText() };
    case "subsystem":
      return { ...request, subsystem: reader.anyText() };
    case "env": {
      const variable = reader.anyText();
      reader.string(); // its value
      return { ...request, variable };
    }
    default:
      reader.rest();
      return request;
  }
}

/** @param packet the frame of the request, which stays as it is */
export function withoutReply(packet: Buffer, { name }: GlobalRequest): Buffer {
  const asked = Buffer.from(packet);
  asked[4 + 2 + 4 + Buffer.byteLength(name)] = 0;
  return asked;
}

function begin(type: keyof typeof SshMessage): ByteWriter {
  return new ByteWriter().u8(0).u8(SshMessage[type]);
}

/**
 * @param recipient the number that the client gave the channel
 * @param reason one of OpenFailure
 */
export function channelOpenFailure(recipient: number, reason: number, description: string): Buffer {
  const writer = begin("SSH_MSG_CHANNEL_OPEN_FAILURE").u32(recipient).u32(reason);
  return writer.string(description).string("").toBuffer();
}

/** Refuses a channel request. */
export function channelFailure(recipient: number): Buffer {
  return begin("SSH_MSG_CHANNEL_FAILURE").u32(recipient).toBuffer();
}

const SSH_EXTENDED_DATA_STDERR = 1;

/** Text for the client's stderr. Takes from the client's window like any other data. */
export function channelStderr(recipient: number, text: string): Buffer {
  const writer = begin("SSH_MSG_CHANNEL_EXTENDED_DATA").u32(recipient);
  return writer.u32(SSH_EXTENDED_DATA_STDERR).string(text).toBuffer();
}

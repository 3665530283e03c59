/**
 * What OpenSSH's sshd takes of a proxy client's messages. For one that it can't parse it ends the connection,
 * with the sessions of all who share it: sshpkt_fatal() and ssh_packet_disconnect() in session.c,
 * serverloop.c, channels.c and ttymodes.c. The master passes on whatever it is given. So such a message is
 * refused before, and ends its own client alone.
 *
 * parseConnectionMessage() refuses most of them: what is too short, bytes at the end, a NUL in a name. It
 * leaves to whoever answers what only that side understands, and this is what is left.
 */
import { type ByteReader, readAll } from "../primitives.ts";
import { ProtocolError } from "../protocol-error.ts";
import type { ChannelRequest, ConnectionMessage } from "./connection.ts";

/**
 * PACKET_MAX_SIZE of packet.c, less what a packet has around its message: lengths, padding, and what
 * compression adds where it gains nothing.
 */
const MAX_MESSAGE = 256 * 1024 - 1024;
/**
 * The server sends that much in one packet, once so much waits; and a master ends for one above
 * PACKET_MAX_SIZE. Clients ask for 16 to 64 KiB.
 */
const MAX_TAKEN = 128 * 1024;
const TTY_OP_END = 0;
/** The first of those that have no argument, and end the modes: RFC 4254 §8. */
const TTY_OP_UNDEFINED = 160;

/**
 * @param message what parseConnectionMessage() made of the payload
 * @throws ProtocolError for what would end the connection
 */
export function checkForServer(payload: Buffer, message: ConnectionMessage): void {
  if (payload.length > MAX_MESSAGE) throw new ProtocolError(`a message of ${payload.length} bytes`);
  switch (message.type) {
    case "SSH_MSG_CHANNEL_REQUEST":
      readContents(payload, (reader) => readRequest(reader, message));
      break;
    case "SSH_MSG_CHANNEL_OPEN":
      checkPacketSize(message.maxPacket);
      if (message.path !== undefined) readContents(payload, readSocketOpening);
      break;
    case "SSH_MSG_CHANNEL_OPEN_CONFIRMATION":
      checkPacketSize(message.maxPacket);
      readContents(payload, (reader) => void reader.bytes(16));
      break;
    case "SSH_MSG_CHANNEL_OPEN_FAILURE":
      readContents(payload, readFailure);
      break;
    default:
  }
}

function checkPacketSize(bytes: number): void {
  if (bytes > MAX_TAKEN) throw new ProtocolError(`packets of ${bytes} bytes, ${MAX_TAKEN} are the most`);
}

/** Behind the padding's length and the message number. @throws ProtocolError if anything is left */
function readContents(payload: Buffer, read: (reader: ByteReader) => void): void {
  readAll(payload.subarray(2), read);
}

function readSocketOpening(reader: ByteReader): void {
  reader.text(); // the type
  reader.bytes(12); // number, window, packet size
  reader.anyText(); // the path
  reader.anyText(); // the originator, which PROTOCOL §2.4 calls reserved
  reader.u32(); // its port
}

function readFailure(reader: ByteReader): void {
  reader.bytes(8); // number, reason
  reader.anyText(); // description
  reader.string(); // its language
}

/** server_input_channel_req() and session_input_channel_req(). Requests that sshd doesn't know it doesn't read. */
function readRequest(reader: ByteReader, { name }: ChannelRequest): void {
  reader.u32();
  reader.text();
  reader.bool();
  switch (name) {
    case "pty-req":
      reader.anyText(); // TERM
      reader.bytes(16); // columns, rows, and both in pixels
      checkModes(reader.string());
      break;
    case "window-change":
      reader.bytes(16);
      break;
    case "signal":
      reader.anyText();
      break;
    case "break":
      reader.u32();
      break;
    case "env":
      reader.anyText();
      reader.anyText();
      break;
    case "eow@openssh.com":
      break;
    default:
      reader.rest();
  }
}

/** ssh_tty_parse_modes(): what is behind the end of the modes is not looked at. */
function checkModes(modes: Buffer): void {
  for (let at = 0; at < modes.length; at += 5) {
    const code = modes.readUInt8(at);
    if (code === TTY_OP_END || code >= TTY_OP_UNDEFINED) return;
    if (at + 5 > modes.length) throw new ProtocolError(`terminal mode ${code} without its value`);
  }
}

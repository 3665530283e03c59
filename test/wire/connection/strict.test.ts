/** What ends OpenSSH's sshd, with everybody's sessions, is refused before. */
import { describe, expect, test } from "vitest";
import { parseConnectionMessage } from "../../../src/wire/connection/connection.ts";
import { SshMessage } from "../../../src/wire/connection/message-numbers.ts";
import { checkForServer } from "../../../src/wire/connection/strict.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";

const message = (type: keyof typeof SshMessage): ByteWriter => new ByteWriter().u8(0).u8(SshMessage[type]);
const request = (name: string): ByteWriter =>
  message("SSH_MSG_CHANNEL_REQUEST").u32(5).string(name).bool(true);
const opening = (type: string, maxPacket = 32768): ByteWriter =>
  message("SSH_MSG_CHANNEL_OPEN")
    .string(type)
    .u32(0)
    .u32(1 << 21)
    .u32(maxPacket);
const sizes = (writer: ByteWriter): ByteWriter => writer.u32(80).u32(24).u32(0).u32(0);
const terminal = (modes: Buffer): ByteWriter => sizes(request("pty-req").string("xterm")).string(modes);
const confirmation = (maxPacket = 32768): ByteWriter =>
  message("SSH_MSG_CHANNEL_OPEN_CONFIRMATION").u32(1).u32(2).u32(3).u32(maxPacket);
const failure = (text: string): ByteWriter =>
  message("SSH_MSG_CHANNEL_OPEN_FAILURE").u32(1).u32(2).string(text);
const socket = (path: string, originator: string): ByteWriter =>
  opening("direct-streamlocal@openssh.com").string(path).string(originator).u32(0);

const check = (writer: ByteWriter): void => {
  const payload = writer.toBuffer();
  checkForServer(payload, parseConnectionMessage(payload));
};

/** ECHO on, a speed, the end. */
const modes = Buffer.from([53, 0, 0, 0, 1, 129, 0, 0, 0x96, 0, 0]);

describe("a message that sshd can parse", () => {
  test.each<[string, ByteWriter]>([
    ["a terminal", terminal(modes)],
    ["a terminal without modes", terminal(Buffer.alloc(0))],
    ["a terminal with modes that have no end", terminal(modes.subarray(0, 5))],
    ["a terminal with more behind the end of its modes", terminal(Buffer.from([0, 1, 2]))],
    ["a terminal with an undefined mode, where parsing stops", terminal(Buffer.from([160, 1]))],
    ["another size", sizes(request("window-change"))],
    ["a signal", request("signal").string("INT")],
    ["a break", request("break").u32(1000)],
    ["a variable", request("env").string("LANG").string("C")],
    ["the end of a reader", request("eow@openssh.com")],
    ["a request that sshd doesn't know, and so doesn't read", request("x@example.com").u32(1).u8(0)],
    ["a session", opening("session")],
    ["a session of large packets", opening("session", 128 * 1024)],
    ["a connection to a socket", socket("/run/s", "")],
    ["an answer to an offered channel", confirmation()],
    ["its refusal", failure("no").string("")],
    ["data as long as a server takes", message("SSH_MSG_CHANNEL_DATA").u32(5).string(Buffer.alloc(32768))],
  ])("is taken: %s", (_, writer) => {
    expect(() => check(writer)).not.toThrow();
  });
});

describe("a message at which sshd ends the connection", () => {
  test.each<[string, ByteWriter]>([
    ["a terminal's mode without its value", terminal(Buffer.from([53]))],
    ["a terminal's mode with half of its value", terminal(modes.subarray(0, 8))],
    ["a terminal without sizes", request("pty-req").string("xterm")],
    ["a terminal whose modes are missing", sizes(request("pty-req").string("xterm"))],
    ["a terminal with more behind it", terminal(modes).u8(0)],
    ["a terminal's name with a NUL", sizes(request("pty-req").string("a\0b")).string(modes)],
    ["modes that announce more than there is", sizes(request("pty-req").string("xterm")).u32(100)],
    ["a size that is cut", request("window-change").u32(80).u32(24).u32(0)],
    ["a size with more behind it", sizes(request("window-change")).u8(0)],
    ["a signal without a name", request("signal")],
    ["a signal with a NUL", request("signal").string("K\0L")],
    ["a signal with more behind it", request("signal").string("INT").u8(0)],
    ["a break without a length", request("break")],
    ["a break with more behind it", request("break").u32(0).u32(0)],
    ["a variable without a value", request("env").string("LANG")],
    ["a variable's name with a NUL", request("env").string("L\0NG").string("C")],
    ["a variable's value with a NUL", request("env").string("LANG").string("C\0D")],
    ["a variable with more behind it", request("env").string("LANG").string("C").u8(0)],
    ["a command with a NUL", request("exec").string("a\0b")],
    ["a command with more behind it", request("exec").string("a").u8(0)],
    ["a shell with more behind it", request("shell").u8(0)],
    ["a subsystem with a NUL", request("subsystem").string("sf\0tp")],
    ["the end of a reader with more behind it", request("eow@openssh.com").u8(0)],
    ["a request's name with a NUL", request("x\0y")],
    ["a session with more behind it", opening("session").u32(0)],
    ["a session of packets that a master can't take", opening("session", 128 * 1024 + 1)],
    ["a channel's type with a NUL", opening("ses\0sion")],
    ["a host with a NUL", opening("direct-tcpip").string("a\0b").u32(1).string("").u32(0)],
    ["a host's originator with a NUL", opening("direct-tcpip").string("a").u32(1).string("a\0b").u32(0)],
    ["a socket with a NUL", socket("/a\0b", "")],
    ["a socket's originator with a NUL", socket("/a", "a\0b")],
    ["a socket with more behind it", socket("/a", "").u8(0)],
    ["an answer with more behind it", confirmation().u8(0)],
    ["an answer of packets that a master can't take", confirmation(2 ** 31)],
    ["a refusal with a NUL", failure("n\0o").string("")],
    ["a refusal without a language", failure("no")],
    [
      "a message that makes too long a packet",
      request("env")
        .string("LANG")
        .string(Buffer.alloc(256 * 1024 - 1024, "x")),
    ],
    [
      "a listening address with a NUL",
      message("SSH_MSG_GLOBAL_REQUEST").string("tcpip-forward").bool(true).string("a\0b").u32(1),
    ],
    ["the end of data with more behind it", message("SSH_MSG_CHANNEL_EOF").u32(5).u8(0)],
    ["a window with more behind it", message("SSH_MSG_CHANNEL_WINDOW_ADJUST").u32(5).u32(1).u8(0)],
    ["an end with more behind it", message("SSH_MSG_CHANNEL_CLOSE").u32(5).u8(0)],
  ])("is refused: %s", (_, writer) => {
    expect(() => check(writer)).toThrow(ProtocolError);
  });
});

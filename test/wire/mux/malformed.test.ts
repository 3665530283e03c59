import { describe, expect, test } from "vitest";
import { MuxMessage } from "../../../src/wire/mux/message-numbers.ts";
import { parseMuxReply } from "../../../src/wire/mux/reply.ts";
import { parseMuxRequest } from "../../../src/wire/mux/request.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";

type Rows = [string, ByteWriter][];

const message = (type: keyof typeof MuxMessage): ByteWriter => new ByteWriter().u32(MuxMessage[type]);
const request = (type: keyof typeof MuxMessage): ByteWriter => message(type).u32(1);
const bytes = (...list: number[]): Buffer => Buffer.from(list);

function refusesAll(rows: Rows, parse: (payload: Buffer) => unknown): void {
  test.each(rows)("%s", (_, writer) => {
    expect(() => parse(writer.toBuffer())).toThrow(ProtocolError);
  });
}

describe("a request is refused", () => {
  const rows: Rows = [
    ["without a number", new ByteWriter()],
    ["with half a number", new ByteWriter().bytes(bytes(0x10, 0, 0))],
    ["alive check without an id", message("MUX_C_ALIVE_CHECK")],
    ["alive check with half an id", message("MUX_C_ALIVE_CHECK").bytes(bytes(0, 0))],
    ["alive check with a trailing byte", request("MUX_C_ALIVE_CHECK").u8(0)],
    ["terminate without an id", message("MUX_C_TERMINATE")],
    ["terminate with a trailing byte", request("MUX_C_TERMINATE").u8(0)],
    ["stop listening with a trailing byte", request("MUX_C_STOP_LISTENING").u8(0)],
    ["proxy without an id", message("MUX_C_PROXY")],
    ["proxy with a trailing byte", request("MUX_C_PROXY").u8(0)],
    ["info without a name, at which mux.c ends the master", request("MUX_C_EXT_INFO")],
    ["info with a NUL in its name", request("MUX_C_EXT_INFO").string("connection\0")],
    ["info with a trailing byte", request("MUX_C_EXT_INFO").string("channels").u8(0)],
  ];
  refusesAll(rows, parseMuxRequest);
});

describe("a HELLO is refused", () => {
  const hello = (): ByteWriter => message("MUX_MSG_HELLO").u32(4);
  const rows: Rows = [
    ["without a version", message("MUX_MSG_HELLO")],
    ["with an extension's name that is cut", hello().u32(9).bytes(bytes(1))],
    ["with an extension that has no value", hello().string("info")],
    ["with an extension's value that is cut", hello().string("info").u32(2).u8(0)],
    ["with an extension's name that is not UTF-8", hello().string(bytes(0xff)).string("")],
  ];
  refusesAll(rows, parseMuxRequest);
  refusesAll(rows, parseMuxReply);
});

describe("a session is refused", () => {
  const session = (): ByteWriter => request("MUX_C_NEW_SESSION").string("");
  const flags = (): ByteWriter => session().u32(0).u32(0).u32(0).u32(0);
  const rest = (): ByteWriter => flags().u32(0xffffffff);
  const rows: Rows = [
    ["without what is reserved", request("MUX_C_NEW_SESSION")],
    ["whose reserved part is longer than the message", request("MUX_C_NEW_SESSION").u32(0xffffffff)],
    ["with the flags of PROTOCOL.mux, a byte each", session().u8(1).u8(0).u8(0).u8(0).u32(0x7e)],
    ["without a subsystem flag", session().u32(0).u32(0).u32(0)],
    ["without an escape character", flags()],
    ["without a terminal", rest()],
    ["without a command", rest().string("xterm")],
    ["with a terminal that has a NUL", rest().string("xterm\0").string("")],
    ["with a command that has a NUL at its end", rest().string("").string("ls\0")],
    ["with a command that is cut", rest().string("").u32(3).bytes(bytes(1, 2))],
    ["with a variable that is cut", rest().string("").string("ls").u32(1)],
    ["with a variable that has a NUL", rest().string("").string("ls").string("A=\0")],
    ["with one byte after the command", rest().string("").string("ls").u8(0)],
    [
      "with three bytes after the last variable",
      rest()
        .string("")
        .string("")
        .string("A=b")
        .bytes(bytes(0, 0, 0)),
    ],
  ];
  refusesAll(rows, parseMuxRequest);
});

describe.each(["MUX_C_OPEN_FWD", "MUX_C_CLOSE_FWD"] as const)("a forward (%s) is refused", (type) => {
  const forward = (kind: number, listen: number, connect: number): ByteWriter =>
    request(type).u32(kind).string("localhost").u32(listen).string("db").u32(connect);
  const rows: Rows = [
    ["without a type", request(type)],
    ["of type 0, at which mux.c ends the master", forward(0, 1, 2)],
    ["of type 4, at which mux.c ends the master", forward(4, 1, 2)],
    ["that listens on port 65536", forward(1, 65536, 80)],
    ["that listens on port -1", forward(2, 0xffffffff, 80)],
    ["that listens on port -3", forward(2, 0xfffffffd, 80)],
    ["that connects to port 65536", forward(1, 80, 65536)],
    ["that connects to port -1", forward(1, 80, 0xffffffff)],
    ["without a host to connect to", request(type).u32(1).string("localhost").u32(1)],
    ["without a port to connect to", request(type).u32(1).string("localhost").u32(1).string("db")],
    ["with a NUL in the host that listens", request(type).u32(1).string("a\0b").u32(1).string("db").u32(2)],
    ["with a NUL in the host to connect to", request(type).u32(1).string("").u32(1).string("d\0b").u32(2)],
    ["with a trailing byte", forward(1, 1, 2).u8(0)],
  ];
  refusesAll(rows, parseMuxRequest);
});

describe("a stdio forward is refused", () => {
  const stdio = (): ByteWriter => request("MUX_C_NEW_STDIO_FWD").string("");
  const rows: Rows = [
    ["without a host", stdio()],
    ["without a port", stdio().string("db")],
    ["with half a port", stdio().string("db").bytes(bytes(0, 22))],
    ["with the port of PROTOCOL.mux, a string", stdio().string("db").string("22")],
    ["with a string of no bytes and more for a port", stdio().string("db").string("").string("")],
    ["to port 65536, which mux.c would take", stdio().string("db").u32(65536)],
    ["to port -1", stdio().string("db").u32(0xffffffff)],
    ["to a path with a NUL", stdio().string("/run/x\0y").u32(0xfffffffe)],
    ["with a trailing byte", stdio().string("db").u32(22).u8(0)],
  ];
  refusesAll(rows, parseMuxRequest);
});

describe("a reply is refused", () => {
  const rows: Rows = [
    ["without a number", new ByteWriter()],
    ["OK without an id", message("MUX_S_OK")],
    ["OK with a trailing byte", request("MUX_S_OK").u8(0)],
    ["proxy with a trailing byte", request("MUX_S_PROXY").u8(0)],
    ["a denial without a reason", request("MUX_S_PERMISSION_DENIED")],
    ["a failure whose reason has a NUL", request("MUX_S_FAILURE").string("no\0")],
    ["a failure with a trailing byte", request("MUX_S_FAILURE").string("no").u8(0)],
    ["an exit message without a value", request("MUX_S_EXIT_MESSAGE")],
    ["an exit message with a trailing byte", request("MUX_S_EXIT_MESSAGE").u32(0).u8(0)],
    ["alive without a process id", request("MUX_S_ALIVE")],
    ["alive with a trailing byte", request("MUX_S_ALIVE").u32(2).u8(0)],
    ["session opened without a session", request("MUX_S_SESSION_OPENED")],
    ["session opened with a trailing byte", request("MUX_S_SESSION_OPENED").u32(2).u8(0)],
    ["a remote port that is cut", request("MUX_S_REMOTE_PORT").bytes(bytes(0, 0, 0))],
    ["no tty, with a trailing byte", request("MUX_S_TTY_ALLOC_FAIL").u8(0)],
    ["info without a message", request("MUX_S_EXT_INFO").u32(1)],
    ["info with a trailing byte", request("MUX_S_EXT_INFO").u32(1).string("").u8(0)],
  ];
  refusesAll(rows, parseMuxReply);
});

test("an error never repeats what the message held", () => {
  const payload = request("MUX_C_EXT_INFO").string("\u001b[2Jhidden\0").toBuffer();
  expect(() => parseMuxRequest(payload)).toThrow(ProtocolError);
  expect(() => parseMuxRequest(payload)).not.toThrow(/hidden/);
});

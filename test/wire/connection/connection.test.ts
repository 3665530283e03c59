import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  channelFailure,
  channelOpenFailure,
  channelStderr,
  parseConnectionMessage,
} from "../../../src/wire/connection/connection.ts";
import { OpenFailure, SshMessage, sshMessageName } from "../../../src/wire/connection/message-numbers.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { bytes, text, u32 } from "../../support/wire.ts";
import { anyText } from "../mux/arbitrary.ts";

type Name = keyof typeof SshMessage;

const message = (type: Name): ByteWriter => new ByteWriter().u8(0).u8(SshMessage[type]);
const request = (name: string): ByteWriter =>
  message("SSH_MSG_CHANNEL_REQUEST").u32(5).string(name).bool(true);
const opening = (type: string): ByteWriter =>
  message("SSH_MSG_CHANNEL_OPEN").string(type).u32(0).u32(0x200000).u32(0x8000);
const asking = (name: string): ByteWriter => message("SSH_MSG_GLOBAL_REQUEST").string(name).bool(true);
const known = new Set<number>(Object.values(SshMessage));

describe("a message of the connection protocol", () => {
  test("has the target of a direct-tcpip channel, in whatever bytes", () => {
    fc.assert(
      fc.property(anyText, fc.nat(65535), anyText, u32, (host, port, originHost, originPort) => {
        const writer = opening("direct-tcpip").anyText(host).u32(port).anyText(originHost).u32(originPort);
        const target = { host, port, originHost, originPort };
        expect(parseConnectionMessage(writer.toBuffer())).toMatchObject({ target });
      }),
    );
  });

  test.each(["tcpip-forward", "cancel-tcpip-forward"])("has the address of %s", (name) => {
    fc.assert(
      fc.property(anyText, fc.nat(65535), (address, port) => {
        const payload = asking(name).anyText(address).u32(port).toBuffer();
        expect(parseConnectionMessage(payload)).toEqual({
          type: "SSH_MSG_GLOBAL_REQUEST",
          ...{ name, wantReply: true },
          forward: { address, port },
        });
      }),
    );
  });

  test("has the command of exec, in whatever bytes", () => {
    fc.assert(
      fc.property(anyText, (command) => {
        const payload = request("exec").anyText(command).toBuffer();
        expect(parseConnectionMessage(payload)).toMatchObject({ recipient: 5, name: "exec", command });
      }),
    );
  });

  test("has the name of a variable, never its value", () => {
    const parsed = parseConnectionMessage(request("env").string("TOKEN").string("secret").toBuffer());
    expect(parsed).toMatchObject({ variable: "TOKEN" });
    expect(JSON.stringify(parsed)).not.toContain("secret");
  });

  const unread: [string, (contents: Buffer) => ByteWriter, object][] = [
    ["a channel request that is not known", (rest) => request("x@example.com").bytes(rest), { recipient: 5 }],
    [
      "a global request that is not known",
      (rest) => asking("x@example.com").bytes(rest),
      { wantReply: true },
    ],
    ["a channel type that is not known", (rest) => opening("x11").bytes(rest), { channelType: "x11" }],
    ["a request's success", (rest) => message("SSH_MSG_REQUEST_SUCCESS").bytes(rest), {}],
    [
      "an open channel of whatever type",
      (rest) => message("SSH_MSG_CHANNEL_OPEN_CONFIRMATION").u32(1).u32(2).u32(3).u32(4).bytes(rest),
      { recipient: 1, sender: 2 },
    ],
  ];

  test.each(unread)("leaves the contents unread of %s", (_, write, expected) => {
    fc.assert(
      fc.property(bytes(), (contents) => {
        expect(parseConnectionMessage(write(contents).toBuffer())).toMatchObject(expected);
      }),
    );
  });

  test.each(["SSH_MSG_CHANNEL_DATA", "SSH_MSG_CHANNEL_EXTENDED_DATA"] as const)(
    "has the recipient of %s and how much data there is, whatever it is",
    (type) => {
      fc.assert(
        fc.property(u32, bytes(), (recipient, data) => {
          const start = message(type).u32(recipient);
          const payload = (type === "SSH_MSG_CHANNEL_DATA" ? start : start.u32(1)).string(data).toBuffer();
          expect(parseConnectionMessage(payload)).toEqual({ type, recipient, length: data.length });
        }),
      );
    },
  );

  test("is unknown with any other number: the transport's and authentication's too", () => {
    fc.assert(
      fc.property(fc.nat(255), bytes(), (number, contents) => {
        fc.pre(!known.has(number));
        const payload = Buffer.of(0, number, ...contents);
        expect(parseConnectionMessage(payload)).toEqual({ type: "unknown", number });
      }),
    );
  });
});

describe("a message of the connection protocol is refused", () => {
  const simple = [
    "SSH_MSG_CHANNEL_EOF",
    "SSH_MSG_CHANNEL_CLOSE",
    "SSH_MSG_CHANNEL_SUCCESS",
    "SSH_MSG_CHANNEL_FAILURE",
  ] as const;
  const forward = (): ByteWriter => asking("tcpip-forward").string("localhost");
  const direct = (port: number): ByteWriter => opening("direct-tcpip").string("db").u32(port);
  const streamlocal = (): ByteWriter => opening("direct-streamlocal@openssh.com");
  const confirmation = message("SSH_MSG_CHANNEL_OPEN_CONFIRMATION").u32(1).u32(2).u32(3);
  const openFailure = (): ByteWriter => message("SSH_MSG_CHANNEL_OPEN_FAILURE").u32(1).u32(2);
  const rows: [string, ByteWriter][] = [
    ["empty", new ByteWriter()],
    ["without a number", new ByteWriter().u8(0)],
    ["with padding", new ByteWriter().u8(4).u8(SshMessage.SSH_MSG_CHANNEL_EOF).u32(1).u32(0)],
    ["that is a mux request", new ByteWriter().u32(0x10000004).u32(1)],
    ...simple.map((type): [string, ByteWriter] => [`${type} without a recipient`, message(type)]),
    ...simple.map((type): [string, ByteWriter] => [`${type}, with a byte left`, message(type).u32(1).u8(0)]),
    ["data without a recipient", message("SSH_MSG_CHANNEL_DATA")],
    ["data with half a recipient", message("SSH_MSG_CHANNEL_DATA").bytes(Buffer.of(0, 0, 0))],
    ["extended data without a recipient", message("SSH_MSG_CHANNEL_EXTENDED_DATA")],
    ["a window adjusted by nothing", message("SSH_MSG_CHANNEL_WINDOW_ADJUST").u32(1)],
    ["a window adjusted, with a byte left", message("SSH_MSG_CHANNEL_WINDOW_ADJUST").u32(1).u32(2).u8(0)],
    ["a request's failure with a byte left", message("SSH_MSG_REQUEST_FAILURE").u8(0)],
    ["a global request without a name", message("SSH_MSG_GLOBAL_REQUEST")],
    ["a global request with a NUL in its name", asking("tcpip-forward\0")],
    ["a global request that ends before its flag", message("SSH_MSG_GLOBAL_REQUEST").string("tcpip-forward")],
    ["a forward without a port", forward()],
    ["a forward of port 65536", forward().u32(65536)],
    ["a forward with a NUL in its address", asking("tcpip-forward").string("a\0").u32(1)],
    ["a forward with a byte left", forward().u32(1).u8(0)],
    ["a channel without a type", message("SSH_MSG_CHANNEL_OPEN")],
    ["a channel without a longest packet", message("SSH_MSG_CHANNEL_OPEN").string("session").u32(0).u32(1)],
    ["a channel whose type has a NUL", opening("session\0")],
    ["a session with a byte left", opening("session").u8(0)],
    ["a direct-tcpip channel without an origin", direct(22)],
    ["a direct-tcpip channel to port 65536", direct(65536).string("").u32(0)],
    ["a direct-tcpip channel to -2, which is no path here", direct(0xfffffffe).string("").u32(0)],
    ["a direct-tcpip channel with a byte left", direct(22).string("").u32(0).u8(0)],
    ["a direct-streamlocal channel without a path", streamlocal()],
    ["a direct-streamlocal channel with a NUL in its path", streamlocal().string("/x\0y").string("").u32(0)],
    ["a direct-streamlocal channel with a byte left", streamlocal().string("/x").string("").u32(0).u8(0)],
    ["an open channel without a longest packet", confirmation],
    ["a channel's refusal without a language", openFailure().string("no")],
    ["a channel's refusal with a byte left", openFailure().string("no").string("").u8(0)],
    ["a channel request without a name", message("SSH_MSG_CHANNEL_REQUEST").u32(1)],
    ["a channel request without a flag", message("SSH_MSG_CHANNEL_REQUEST").u32(1).string("shell")],
    ["a shell with a byte left", request("shell").u8(0)],
    ["exec without a command", request("exec")],
    ["exec with a NUL in its command", request("exec").string("ls\0rm")],
    ["exec with a byte left", request("exec").string("ls").u8(0)],
    ["a subsystem with a byte left", request("subsystem").string("sftp").u8(0)],
    ["a variable without a value", request("env").string("A")],
    ["a variable with a byte left", request("env").string("A").string("").u8(0)],
  ];

  test.each(rows)("%s", (_, writer) => {
    expect(() => parseConnectionMessage(writer.toBuffer())).toThrow(ProtocolError);
  });

  test("without repeating what it held", () => {
    const payload = request("exec").string("\u001b[2Jhidden\0").toBuffer();
    expect(() => parseConnectionMessage(payload)).toThrow(ProtocolError);
    expect(() => parseConnectionMessage(payload)).not.toThrow(/hidden/);
  });
});

describe("what the guard says", () => {
  test("is read as it was meant", () => {
    fc.assert(
      fc.property(u32, text(), (recipient, words) => {
        const reason = OpenFailure.SSH_OPEN_ADMINISTRATIVELY_PROHIBITED;
        const said: [Name, Buffer][] = [
          ["SSH_MSG_CHANNEL_OPEN_FAILURE", channelOpenFailure(recipient, reason, words)],
          ["SSH_MSG_CHANNEL_FAILURE", channelFailure(recipient)],
          ["SSH_MSG_CHANNEL_EXTENDED_DATA", channelStderr(recipient, words)],
        ];
        for (const [type, payload] of said)
          expect(parseConnectionMessage(payload)).toMatchObject({ type, recipient });
      }),
    );
  });

  test("has text in UTF-8 and its length in bytes", () => {
    expect(channelStderr(1, "é\n").toString("hex")).toBe("005f000000010000000100000003c3a90a");
  });
});

test("a message number has the RFC's name", () => {
  expect(sshMessageName(90)).toBe("SSH_MSG_CHANNEL_OPEN");
  expect(sshMessageName(1)).toBe("message 1");
});

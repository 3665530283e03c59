import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  descriptorsAfter,
  MUX_VERSION,
  MuxMessage,
  muxMessageName,
} from "../../../src/wire/mux/message-numbers.ts";
import { encodeMuxReply, parseMuxReply } from "../../../src/wire/mux/reply.ts";
import { encodeMuxRequest, parseMuxRequest } from "../../../src/wire/mux/request.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { bytes, u32 } from "../../support/wire.ts";
import { muxReply, muxRequest } from "./arbitrary.ts";

const { MUX_MSG_HELLO, MUX_C_NEW_SESSION, MUX_C_NEW_STDIO_FWD } = MuxMessage;
const message = (number: number): ByteWriter => new ByteWriter().u32(number);
const known = new Set<number>(Object.values(MuxMessage));
const unknownNumber = u32.filter((number) => !known.has(number));

describe("requests", () => {
  test("every kind is read as it was written", () => {
    fc.assert(
      fc.property(muxRequest, (value) => {
        expect(parseMuxRequest(encodeMuxRequest(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test("an unknown number is an unknown request, whatever it holds", () => {
    fc.assert(
      fc.property(unknownNumber, u32, bytes(), (number, requestId, contents) => {
        const payload = message(number).u32(requestId).bytes(contents).toBuffer();
        expect(parseMuxRequest(payload)).toEqual({ type: "unknown", number, requestId });
      }),
    );
  });

  test("an unknown request need not have an id", () => {
    const payload = message(0x10000003)
      .bytes(Buffer.of(0, 0, 0))
      .toBuffer();
    expect(parseMuxRequest(payload)).toEqual({ type: "unknown", number: 0x10000003 });
  });

  test("a reply is no request", () => {
    const ok = encodeMuxReply({ type: "MUX_S_OK", requestId: 7 });
    expect(parseMuxRequest(ok)).toEqual({ type: "unknown", number: MuxMessage.MUX_S_OK, requestId: 7 });
  });

  test("any flag but 0 is true, in all of its four bytes", () => {
    const flags = message(MUX_C_NEW_SESSION).u32(1).string("").u32(0x80000000).u32(256).u32(2).u32(0);
    const payload = flags.u32(0xffffffff).string("").string("").toBuffer();
    expect(parseMuxRequest(payload)).toMatchObject({
      wantTty: true,
      wantX11: true,
      wantAgent: true,
      subsystem: false,
    });
  });

  test("what is reserved is passed over, as mux.c does", () => {
    const reserved = message(MUX_C_NEW_STDIO_FWD).u32(1).string(Buffer.of(0, 255));
    expect(parseMuxRequest(reserved.string("db").u32(22).toBuffer())).toMatchObject({ host: "db", port: 22 });
  });

  test("a path is told from port 0 and port 65535", () => {
    const port = (number: number): unknown =>
      parseMuxRequest(message(MUX_C_NEW_STDIO_FWD).u32(1).string("").string("x").u32(number).toBuffer());
    expect(port(0xfffffffe)).toMatchObject({ port: "path" });
    expect(port(0)).toMatchObject({ port: 0 });
    expect(port(65535)).toMatchObject({ port: 65535 });
  });

  test("a HELLO of newer OpenSSH has the extension info", () => {
    const payload = message(MUX_MSG_HELLO).u32(MUX_VERSION).string("info").string("0").toBuffer();
    const extensions = [{ name: "info", value: Buffer.from("0") }];
    expect(parseMuxRequest(payload)).toEqual({ type: "MUX_MSG_HELLO", version: 4, extensions });
    expect(parseMuxReply(payload)).toEqual(parseMuxRequest(payload));
  });
});

describe("replies", () => {
  test("every kind is read as it was written", () => {
    fc.assert(
      fc.property(muxReply, (value) => {
        expect(parseMuxReply(encodeMuxReply(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test("an unknown number is an unknown reply, whatever it holds", () => {
    fc.assert(
      fc.property(unknownNumber, bytes(), (number, contents) => {
        const payload = message(number).bytes(contents).toBuffer();
        expect(parseMuxReply(payload)).toEqual({ type: "unknown", number });
      }),
    );
  });

  test("a reason that is not UTF-8 is shown as well as can be", () => {
    const payload = message(MuxMessage.MUX_S_FAILURE).u32(1).string(Buffer.of(0x6e, 0xe9)).toBuffer();
    expect(parseMuxReply(payload)).toMatchObject({ reason: "n\ufffd" });
  });
});

describe("the descriptors after a packet", () => {
  test("are three for a session, two for a stdio forward, none for anything else", () => {
    for (const number of known) {
      const expected = number === MUX_C_NEW_SESSION ? 3 : number === MUX_C_NEW_STDIO_FWD ? 2 : 0;
      expect(descriptorsAfter(message(number).toBuffer())).toBe(expected);
    }
    fc.assert(
      fc.property(unknownNumber, (number) => {
        expect(descriptorsAfter(message(number).toBuffer())).toBe(0);
      }),
    );
  });

  test("are counted by the number alone, though the contents are malformed", () => {
    const payload = message(MUX_C_NEW_SESSION).u8(0).toBuffer();
    expect(descriptorsAfter(payload)).toBe(3);
    expect(() => parseMuxRequest(payload)).toThrow(ProtocolError);
  });

  test("are none for a packet that is too short for a number", () => {
    for (let length = 0; length < 4; length++) expect(descriptorsAfter(Buffer.alloc(length, 0x10))).toBe(0);
  });
});

test("a message number has OpenSSH's name", () => {
  expect(muxMessageName(0x10000002)).toBe("MUX_C_NEW_SESSION");
  expect(muxMessageName(0x9000_0001)).toBe("MUX_S_EXT_INFO");
  expect(muxMessageName(0x10000003)).toBe("message 0x10000003");
});

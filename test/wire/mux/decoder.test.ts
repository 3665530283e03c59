import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AGENT_MAX_LEN, encodeFrame } from "../../../src/wire/frame.ts";
import { MuxDecoder, type MuxPacket } from "../../../src/wire/mux/decoder.ts";
import { descriptorsAfter, MuxMessage } from "../../../src/wire/mux/message-numbers.ts";
import { encodeMuxRequest } from "../../../src/wire/mux/request.ts";
import { ByteWriter } from "../../../src/wire/primitives.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { bytes, packetsFrom } from "../../support/wire.ts";
import { newSession, plainRequest, stdioForward } from "./arbitrary.ts";

/** What one read gives. */
interface Read {
  bytes: Buffer;
  descriptors: number[];
}

const read = (data: Buffer, ...descriptors: number[]): Read => ({ bytes: data, descriptors });
const packet = (payload: Buffer): Buffer => encodeFrame(payload).packet;
const withNumber = (type: keyof typeof MuxMessage): Buffer =>
  new ByteWriter().u32(MuxMessage[type]).u32(1).toBuffer();

const session = packet(withNumber("MUX_C_NEW_SESSION"));
const stdio = packet(withNumber("MUX_C_NEW_STDIO_FWD"));
const check = packet(withNumber("MUX_C_ALIVE_CHECK"));
const NUL = Buffer.of(0);

/** A client's requests, and one that passes descriptors at the end: OpenSSH has one for each connection. */
const conversation = fc
  .tuple(
    fc.array(plainRequest, { maxLength: 5 }),
    fc.option(fc.oneof(newSession, stdioForward), { nil: undefined }),
    fc.array(plainRequest, { maxLength: 2 }),
  )
  .map(([before, passing, after]) => [...before, ...(passing ? [passing] : []), ...after])
  .map((list) => list.map(encodeMuxRequest));

/** As OpenSSH sends it: each packet in one piece, each descriptor with a byte of its own. */
function sent(payloads: readonly Buffer[]): Read[] {
  return payloads.flatMap((payload) => {
    const descriptors = Array.from({ length: descriptorsAfter(payload) }, (_, at) => read(NUL, 10 + at));
    return [read(packet(payload)), ...descriptors];
  });
}

function joined(reads: readonly Read[]): Read {
  return read(Buffer.concat(reads.map((one) => one.bytes)), ...reads.flatMap((one) => one.descriptors));
}

/** Every byte alone. What passes a descriptor is one byte long already. */
const byByte = (reads: readonly Read[]): Read[] =>
  reads.flatMap((one) => [...one.bytes].map((byte) => read(Buffer.of(byte), ...one.descriptors)));

/** A read ends with the first byte that carries a descriptor, and begins with all that waited before it. */
function merged(reads: readonly Read[]): Read[] {
  const groups: Read[][] = [[]];
  for (const one of reads) {
    groups.at(-1)?.push(one);
    if (one.descriptors.length > 0) groups.push([]);
  }
  return groups.map(joined);
}

function decode(reads: readonly Read[], decoder = new MuxDecoder()): MuxPacket[] {
  return reads.flatMap((one) => [...packetsFrom(decoder, one.bytes, one.descriptors)]);
}

const ways: [string, (reads: Read[]) => Read[]][] = [
  ["as they are sent", (reads) => reads],
  ["one byte at a time", byByte],
  ["all at once", (reads) => [joined(reads)]],
  ["as Linux merges them", merged],
];

describe("the mux decoder", () => {
  test.each(ways)("finds the same packets, each with its descriptors, %s", (_, cut) => {
    fc.assert(
      fc.property(conversation, (payloads) => {
        const decoder = new MuxDecoder();
        const packets = decode(cut(sent(payloads)), decoder);
        expect(packets.map(({ frame }) => frame.payload)).toEqual(payloads);
        expect(packets.map(({ descriptors }) => descriptors)).toEqual(
          payloads.map((payload) => [10, 11, 12].slice(0, descriptorsAfter(payload))),
        );
        expect(decoder.buffered).toBe(0);
        expect(decoder.release()).toEqual([]);
      }),
    );
  });

  test.each(ways)("takes several sessions one after the other, %s", (name, cut) => {
    const one = cut(sent([withNumber("MUX_C_NEW_SESSION")]));
    const two = cut(sent([withNumber("MUX_C_NEW_STDIO_FWD")]));
    const packets = decode([...one, ...two, ...one]);
    expect(
      packets.map(({ descriptors }) => descriptors),
      name,
    ).toEqual([
      [10, 11, 12],
      [10, 11],
      [10, 11, 12],
    ]);
  });

  test("holds a packet back until its last descriptor is there, and what follows too", () => {
    const decoder = new MuxDecoder();
    expect([...packetsFrom(decoder, Buffer.concat([session, NUL]), [4])]).toEqual([]);
    expect([...packetsFrom(decoder, NUL, [5])]).toEqual([]);
    expect(decoder.buffered).toBe(session.length);
    const [first, second] = packetsFrom(decoder, Buffer.concat([NUL, check]), [6]);
    expect(first?.descriptors).toEqual([4, 5, 6]);
    expect(second?.frame.packet).toEqual(check);
  });

  test("doesn't look at a descriptor's byte: mm_receive_fd() doesn't", () => {
    const [one] = decode([read(stdio), read(Buffer.of(0xff), 4), read(Buffer.from("x"), 5)]);
    expect(one?.descriptors).toEqual([4, 5]);
  });

  test("gives each packet as it came, its length included", () => {
    const [one] = decode([read(session), read(NUL, 4), read(NUL, 5), read(NUL, 6)]);
    expect(one?.frame.packet).toEqual(session);
  });
});

describe("a stream is refused", () => {
  const header = (length: number): Buffer => new ByteWriter().u32(length).toBuffer();
  const rows: [string, Read[], RegExp][] = [
    ["a descriptor's byte without a descriptor", [read(session), read(NUL)], /without the descriptor/],
    [
      "a packet where a descriptor is due",
      [read(session), read(NUL, 4), read(check)],
      /without the descriptor/,
    ],
    ["a descriptor at the very beginning", [read(Buffer.alloc(0), 4)], /no packet announced/],
    ["a descriptor with a packet that announces none", [read(check, 4)], /no packet announced/],
    ["a descriptor with a packet's beginning", [read(session.subarray(0, 5), 4)], /no packet announced/],
    ["a descriptor with the packet that announces it", [read(session, 4)], /no packet announced/],
    [
      "a fourth descriptor for a session",
      [...sent([withNumber("MUX_C_NEW_SESSION")]), read(NUL, 4)],
      /no packet/,
    ],
    [
      "a third descriptor for a stdio forward",
      [...sent([withNumber("MUX_C_NEW_STDIO_FWD")]), read(NUL, 4)],
      /no pa/,
    ],
    ["two descriptors with one byte", [read(session), read(NUL, 4, 5)], /no packet announced/],
    [
      "four descriptors at once",
      [read(Buffer.concat([session, NUL, NUL, NUL]), 4, 5, 6, 7)],
      /no packet announced/,
    ],
    [
      "four descriptors, two and then two",
      [read(session), read(Buffer.concat([NUL, NUL]), 4, 5), read(NUL, 6, 7)],
      /no packet announced/,
    ],
    ["a frame without a message number", [read(header(0))], /without a message number/],
    ["a frame that is too long", [read(header(AGENT_MAX_LEN + 1))], /the most/],
    [
      "a good packet, then a frame that is too long",
      [read(Buffer.concat([check, header(0xffffffff)]))],
      /the most/,
    ],
  ];

  test.each(rows)("with %s", (_, reads, words) => {
    expect(() => decode(reads)).toThrow(ProtocolError);
    expect(() => decode(reads)).toThrow(words);
  });

  test.each(rows)("and no descriptor is lost, with %s", (_, reads) => {
    const decoder = new MuxDecoder();
    const given: number[] = [];
    const got: number[] = [];
    for (const one of reads) {
      given.push(...one.descriptors);
      try {
        for (const { descriptors } of packetsFrom(decoder, one.bytes, one.descriptors))
          got.push(...descriptors);
      } catch {}
    }
    expect([...got, ...decoder.release()]).toEqual(given);
    expect(decoder.release()).toEqual([]);
  });

  test("for good, whatever follows, and what is passed then is released too", () => {
    const decoder = new MuxDecoder();
    expect(() => [...packetsFrom(decoder, check, [4])]).toThrow(/announced/);
    expect(() => [...packetsFrom(decoder, check)]).toThrow(/announced/);
    expect(() => [...packetsFrom(decoder, Buffer.alloc(0), [5])]).toThrow(/announced/);
    expect(decoder.release()).toEqual([4, 5]);
    expect(() => [...packetsFrom(decoder, check)]).toThrow(ProtocolError);
  });
});

describe("release", () => {
  test("gives the descriptors of a packet that never became complete, once", () => {
    const decoder = new MuxDecoder();
    decode([read(session), read(NUL, 4), read(NUL, 5)], decoder);
    expect(decoder.release()).toEqual([4, 5]);
    expect(decoder.release()).toEqual([]);
  });

  test("gives none of a packet that was taken before the error in the same read", () => {
    const decoder = new MuxDecoder();
    decoder.add(Buffer.concat([stdio, NUL, NUL, new ByteWriter().u32(0).toBuffer()]), [4, 5]);
    expect(decoder.next()?.descriptors).toEqual([4, 5]);
    expect(() => decoder.next()).toThrow(/message number/);
    expect(decoder.release()).toEqual([]);
  });

  test("together with the packets, gives every descriptor once, whatever is read", () => {
    const piece = fc.oneof(bytes(9), fc.constantFrom(session, stdio, check, NUL, session.subarray(0, 6)));
    const reads = fc.array(fc.tuple(piece, fc.nat(2)), { maxLength: 12 });
    fc.assert(
      fc.property(reads, (list) => {
        const decoder = new MuxDecoder();
        const given: number[] = [];
        const got: number[] = [];
        for (const [data, count] of list) {
          const descriptors = Array.from({ length: count }, (_, at) => given.length + at);
          given.push(...descriptors);
          try {
            for (const one of packetsFrom(decoder, data, descriptors)) got.push(...one.descriptors);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
        expect([...got, ...decoder.release()].sort((a, b) => a - b)).toEqual(given);
      }),
      { numRuns: 1000 },
    );
  });
});

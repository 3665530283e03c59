import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attempt } from "../../src/attempt.ts";
import { AGENT_MAX_LEN, encodeFrame, type Frame, FrameDecoder } from "../../src/wire/frame.ts";
import { ProtocolError } from "../../src/wire/protocol-error.ts";
import { bytes } from "../support/wire.ts";

const payloads = fc.array(bytes(40, 1), { maxLength: 12 });

function packetsOf(list: readonly Buffer[]): Buffer {
  return Buffer.concat(list.map((payload) => encodeFrame(payload).packet));
}

/** The stream cut at these places. */
function cutAt(stream: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [
    0,
    ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b),
    stream.length,
  ];
  return cuts.slice(1).map((end, at) => stream.subarray(cuts[at], end));
}

function decode(chunks: readonly Buffer[]): { frames: Frame[]; buffered: number } {
  const decoder = new FrameDecoder();
  const frames = chunks.flatMap((chunk) => decoder.push(chunk));
  return { frames, buffered: decoder.buffered };
}

const header = (length: number): Buffer => {
  const packet = Buffer.alloc(4);
  packet.writeUInt32BE(length);
  return packet;
};

describe("the frame decoder", () => {
  const ways: [string, (stream: Buffer) => Buffer[]][] = [
    ["all in one chunk", (stream) => [stream]],
    ["one byte at a time", (stream) => [...stream].map((byte) => Buffer.of(byte))],
    [
      "with empty chunks between",
      (stream) => [...stream].flatMap((byte) => [Buffer.of(byte), Buffer.alloc(0)]),
    ],
  ];

  test.each(ways)("finds the same frames %s", (_, cut) => {
    fc.assert(
      fc.property(payloads, (list) => {
        const { frames, buffered } = decode(cut(packetsOf(list)));
        expect(frames.map(({ payload }) => payload)).toEqual(list);
        expect(buffered).toBe(0);
      }),
    );
  });

  test("finds the same frames wherever the stream is cut", () => {
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(), { maxLength: 20 }), (list, places) => {
        const { frames, buffered } = decode(cutAt(packetsOf(list), places));
        expect(frames.map(({ payload }) => payload)).toEqual(list);
        expect(buffered).toBe(0);
      }),
    );
  });

  test("is ready just where the next frame, or an error, is there", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(bytes(20), payloads.map(packetsOf)), { maxLength: 8 }), (chunks) => {
        const decoder = new FrameDecoder();
        for (const chunk of chunks) decoder.add(chunk);
        for (let isLast = false; !isLast; ) {
          const { isReady } = decoder;
          const next = attempt(() => decoder.next() ?? "nothing") ?? "error";
          expect(isReady).toBe(next !== "nothing");
          isLast = typeof next === "string";
        }
      }),
    );
  });

  test("gives each packet as it came, its length included", () => {
    fc.assert(
      fc.property(payloads, (list) => {
        const stream = packetsOf(list);
        expect(Buffer.concat(decode([stream]).frames.map(({ packet }) => packet))).toEqual(stream);
      }),
    );
  });

  test("holds back what belongs to the next frame and counts it", () => {
    fc.assert(
      fc.property(payloads, bytes(40, 1), fc.nat(), fc.array(fc.nat()), (list, last, cut, places) => {
        const packet = encodeFrame(last).packet;
        const part = packet.subarray(0, cut % packet.length);
        const { frames, buffered } = decode(cutAt(Buffer.concat([packetsOf(list), part]), places));
        expect(frames).toHaveLength(list.length);
        expect(buffered).toBe(part.length);
      }),
    );
  });

  test("takes 1,000 frames that come at once, in order", () => {
    const list = Array.from({ length: 1000 }, (_, at) => Buffer.from(`frame ${at}`));
    expect(decode([packetsOf(list)]).frames.map(({ payload }) => payload)).toEqual(list);
  });

  test("takes the longest frame one byte at a time", () => {
    const payload = Buffer.alloc(AGENT_MAX_LEN, 7);
    const decoder = new FrameDecoder();
    const found: Frame[] = [];
    for (const byte of encodeFrame(payload).packet) found.push(...decoder.push(Buffer.of(byte)));
    expect(found).toHaveLength(1);
    expect(found[0]?.payload.equals(payload)).toBe(true);
  });

  test("gives other bytes between two frames to whoever asks for them, as they arrive", () => {
    const decoder = new FrameDecoder();
    const [first, second] = [encodeFrame(Buffer.of(11)), encodeFrame(Buffer.of(19))];
    decoder.add(Buffer.concat([first.packet, Buffer.of(1, 2)]));
    expect(decoder.next()).toEqual(first);
    expect(decoder.take(3)).toBeUndefined();
    expect(decoder.buffered).toBe(2);
    decoder.add(Buffer.concat([Buffer.of(3), second.packet]));
    expect(decoder.take(3)).toEqual(Buffer.of(1, 2, 3));
    expect(decoder.next()).toEqual(second);
    expect(decoder.buffered).toBe(0);
  });

  test("any bytes are frames or a ProtocolError", () => {
    fc.assert(
      fc.property(fc.array(bytes(300), { maxLength: 8 }), (chunks) => {
        try {
          const { frames, buffered } = decode(chunks);
          const taken = frames.reduce((sum, { packet }) => sum + packet.length, 0);
          expect(taken + buffered).toBe(Buffer.concat(chunks).length);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

describe("a stream that can't be cut into frames", () => {
  const broken: [string, Buffer, RegExp][] = [
    ["a frame without a message number", header(0), /without a message number/],
    ["a length one above the most", header(AGENT_MAX_LEN + 1), /262145 bytes/],
    ["the largest length", header(0xffffffff), /4294967295 bytes/],
    ["text", Buffer.from("GET / HTTP/1.1\r\n"), /frame of/],
    [
      "a good frame and then a broken one",
      Buffer.concat([encodeFrame(Buffer.of(11)).packet, header(0)]),
      /without/,
    ],
  ];

  test.each(broken)("is refused: %s", (_, stream, message) => {
    expect(() => decode([stream])).toThrow(ProtocolError);
    expect(() => decode([stream])).toThrow(message);
    expect(() => decode([...stream].map((byte) => Buffer.of(byte)))).toThrow(message);
  });

  test("is refused as soon as the length is known", () => {
    const decoder = new FrameDecoder();
    expect(decoder.push(header(AGENT_MAX_LEN + 1).subarray(0, 3))).toEqual([]);
    expect(() => decoder.push(Buffer.of(1))).toThrow(ProtocolError);
  });

  test("stays refused, whatever follows", () => {
    const decoder = new FrameDecoder();
    expect(() => decoder.push(header(0))).toThrow(ProtocolError);
    expect(() => decoder.push(encodeFrame(Buffer.of(11)).packet)).toThrow(ProtocolError);
  });

  test("a frame of the greatest length allowed is taken", () => {
    const payload = Buffer.alloc(AGENT_MAX_LEN, 1);
    expect(decode([encodeFrame(payload).packet]).frames).toHaveLength(1);
  });
});

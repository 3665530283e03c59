import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter, readAll, readEach } from "../../src/wire/primitives.ts";
import { ProtocolError } from "../../src/wire/protocol-error.ts";
import { bytes, text } from "../support/wire.ts";

const string = (value: Buffer | string): Buffer => new ByteWriter().string(value).toBuffer();
const anyText = (value: Buffer): string => readAll(string(value), (reader) => reader.anyText());
const bytesOf = (value: string): Buffer =>
  readAll(new ByteWriter().anyText(value).toBuffer(), (reader) => reader.string());

/** Bytes of which many are, or nearly are, UTF-8. */
const mixed = fc
  .array(
    fc.oneof(
      bytes(4),
      text(3).map((value) => Buffer.from(value)),
      fc.constantFrom(...nearlyUtf8()),
    ),
  )
  .map((parts) => Buffer.from(Buffer.concat(parts).filter((byte) => byte !== 0)));

function nearlyUtf8(): Buffer[] {
  const hex = ["eda080", "edb280", "edbfbf", "c080", "e08080", "f4908080", "f09f90", "e282", "c3", "efbbbf"];
  return hex.map((value) => Buffer.from(value, "hex"));
}

describe("text that need not be UTF-8", () => {
  const readings: [string, string, string][] = [
    ["nothing", "", ""],
    ["ASCII", "6c73202d6c", "ls -l"],
    ["UTF-8", "c5be20f09f908e", "ž 🐎"],
    ["UTF-8 with a byte order mark", "efbbbf61", "\ufeffa"],
    ["Latin 1", "636166e9", "caf\udce9"],
    ["Latin 1 before ASCII", "e96361", "\udce9ca"],
    ["every byte above 0x7f that UTF-8 never has", "c0c1f5ff", "\udcc0\udcc1\udcf5\udcff"],
    ["a sequence that is cut", "e282", "\udce2\udc82"],
    ["a sequence that is cut by another", "e282c3a9", "\udce2\udc82é"],
    ["a slash in two bytes", "c0af", "\udcc0\udcaf"],
    ["an escape that was sent itself, as CESU-8 has it", "edb2a9", "\udced\udcb2\udca9"],
    ["a pair of surrogates, as CESU-8 has it", "eda0bdedb082", "\udced\udca0\udcbd\udced\udcb0\udc82"],
    ["a byte that is not UTF-8 behind a pair of surrogates", "f09f908e80", "🐎\udc80"],
  ];

  test.each(readings)("is read and written back: %s", (_, hex, expected) => {
    expect(anyText(Buffer.from(hex, "hex"))).toBe(expected);
    expect(bytesOf(expected).toString("hex")).toBe(hex);
  });

  test("gives its bytes back, whatever they are", () => {
    fc.assert(
      fc.property(mixed, (value) => {
        expect(bytesOf(anyText(value))).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  test("is never the same for two strings of bytes", () => {
    fc.assert(
      fc.property(mixed, mixed, (one, other) => {
        expect(anyText(one) === anyText(other)).toBe(one.equals(other));
      }),
      { numRuns: 1000 },
    );
  });

  test("is what text() reads, where that reads it at all", () => {
    fc.assert(
      fc.property(text(), (value) => {
        expect(anyText(Buffer.from(value))).toBe(value);
        expect(bytesOf(value)).toEqual(Buffer.from(value));
      }),
    );
  });

  test("is as long as a frame may be, in all of its bytes an escape", () => {
    const value = Buffer.alloc(256 * 1024, 0xc3);
    expect(bytesOf(anyText(value)).equals(value)).toBe(true);
  });

  test.each([
    ["alone", Buffer.of(0)],
    ["at the end", Buffer.from("ls\0")],
    ["inside", Buffer.from("ls\0-l")],
    ["between bytes that are not UTF-8", Buffer.of(0xe9, 0, 0xe9)],
  ])("is refused with a NUL %s", (_, value) => {
    expect(() => anyText(value)).toThrow(ProtocolError);
  });
});

describe("a reader", () => {
  const reads: [string, (reader: ByteReader) => unknown, string, unknown][] = [
    ["a byte", (reader) => reader.u8(), "ff", 255],
    ["a boolean", (reader) => reader.bool(), "02", true],
    ["a uint32", (reader) => reader.u32(), "fffffffe", 0xfffffffe],
    ["a uint64", (reader) => reader.u64(), "ffffffffffffffff", 0xffffffffffffffffn],
    ["a string", (reader) => reader.string(), "00000002abcd", Buffer.from("abcd", "hex")],
    ["text", (reader) => reader.text(), "00000002c5be", "ž"],
    ["any text", (reader) => reader.anyText(), "00000001be", "\udcbe"],
    ["a comment", (reader) => reader.comment(), "00000001be", "\ufffd"],
  ];

  test.each(reads)("reads %s", (_, read, hex, expected) => {
    expect(readAll(Buffer.from(hex, "hex"), read)).toEqual(expected);
  });

  test.each(reads)("refuses %s that is cut, wherever it is", (_, read, hex) => {
    const whole = Buffer.from(hex, "hex");
    for (let length = 0; length < whole.length; length++)
      expect(() => readAll(whole.subarray(0, length), read)).toThrow(ProtocolError);
  });

  test.each(reads)("refuses a byte that is left after %s", (_, read, hex) => {
    expect(() => readAll(Buffer.from(`${hex}00`, "hex"), read)).toThrow(/1 bytes too many/);
  });

  test("gives views on the bytes, not copies", () => {
    const whole = string("abc");
    const value = new ByteReader(whole).string();
    whole.write("xyz", 4);
    expect(value.toString()).toBe("xyz");
  });

  test("reads values to the end", () => {
    const list = Buffer.concat(["a", "", "b"].map(string));
    expect(readEach(list, (reader) => reader.text())).toEqual(["a", "", "b"]);
  });
});

import { describe, expect, it } from "vitest";
import { LineDecoder } from "../../src/rpc/lines.ts";

const decode = (chunks: Buffer[], most = 100): string[] => {
  const decoder = new LineDecoder(most);
  return chunks.flatMap((chunk) => [...decoder.push(chunk)]);
};

const cuts: [string, (bytes: Buffer) => Buffer[]][] = [
  ["all at once", (bytes) => [bytes]],
  ["one byte at a time", (bytes) => [...bytes].map((byte) => Buffer.of(byte))],
  [
    "three bytes at a time",
    (bytes) =>
      Array.from({ length: Math.ceil(bytes.length / 3) }, (_, part) =>
        bytes.subarray(part * 3, part * 3 + 3),
      ),
  ],
];

describe.each(cuts)("bytes that come %s", (_, cut) => {
  it.each<[string, string, string[]]>([
    ["nothing", "", []],
    ["a line", "one\n", ["one"]],
    ["several", "one\ntwo\n\nthree\n", ["one", "two", "", "three"]],
    ["a line without an end", "one\ntw", ["one"]],
    ["characters of more than one byte", "né…🔑\n", ["né…🔑"]],
    ["a byte order mark, which stays", "\ufeff{}\n", ["\ufeff{}"]],
    ["NUL", "a\0b\n", ["a\0b"]],
    [
      "a line as long as may be",
      `${"x".repeat(100)}\n${"y".repeat(100)}\n`,
      ["x".repeat(100), "y".repeat(100)],
    ],
  ])("are lines: %s", (_, text, lines) => {
    expect(decode(cut(Buffer.from(text)))).toEqual(lines);
  });

  it.each<[string, Buffer]>([
    ["a byte that begins nothing", Buffer.from([0xff, 0x0a])],
    ["half of a character", Buffer.from([0xe2, 0x80, 0x0a])],
    ["an overlong slash", Buffer.from([0xc0, 0xaf, 0x0a])],
    ["a surrogate", Buffer.from([0xed, 0xa0, 0x80, 0x0a])],
  ])("are no line where they are no UTF-8: %s", (_, bytes) => {
    expect(() => decode(cut(bytes))).toThrow("a line that is no UTF-8");
  });

  it("are no line where there are too many", () => {
    expect(() => decode(cut(Buffer.from("x".repeat(101))))).toThrow("a line of more than 100 bytes");
    expect(() => decode(cut(Buffer.from(`short\n${"x".repeat(101)}\n`)))).toThrow(
      "a line of more than 100 bytes",
    );
  });
});

it("takes a long line byte by byte in a time that grows with its length alone", () => {
  const decoder = new LineDecoder(2 ** 20);
  const byte = Buffer.from("x");
  for (let sent = 0; sent < 2 ** 20; sent++) for (const line of decoder.push(byte)) throw new Error(line);
  expect([...decoder.push(Buffer.from("\n"))]).toEqual(["x".repeat(2 ** 20)]);
});

/** Which keys there are in what a terminal sends, and that what it says of itself is none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Key, KeyParser } from "../../../src/approver/screen/keys.ts";

const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");
const utf8 = (text: string): string => Buffer.from(text).toString("latin1");

/** In words: "up", "^u"; what was pasted is in parentheses. */
const words = (keys: readonly Key[]): string[] =>
  keys.map(({ name, ctrl, pasted }) => {
    const word = `${ctrl ? "^" : ""}${name}`;
    return pasted ? `(${word})` : word;
  });

const whole = (text: string): string[] => words(new KeyParser().feed(bytesOf(text)));

function oneByOne(text: string): string[] {
  const parser = new KeyParser();
  return words([...bytesOf(text)].flatMap((byte) => parser.feed(Uint8Array.of(byte))));
}

/** What is sent, as bytes in Latin-1, and what it means. An `x` follows, which must be there in the end. */
const sent: [string, string, string[]][] = [
  ["arrows", "\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]],
  ["arrows of application mode", "\x1bOA\x1bOB\x1bOC\x1bOD", ["up", "down", "right", "left"]],
  ["pages", "\x1b[5~\x1b[6~", ["pageup", "pagedown"]],
  ["Enter and line feed", "\r\n", ["return", "enter"]],
  ["backspace in both ways", "\x7f\b", ["backspace", "backspace"]],
  ["Ctrl and a letter", "\x15\x17\x04\x1a", ["^u", "^w", "^d", "^z"]],
  ["text", utf8("aé€😀 "), ["a", "é", "€", "😀", " "]],
  ["Esc twice, then a key", "\x1b\x1bOA", ["escape", "up"]],
  ["Alt and a key", "\x1by\x1b\r", []],
  ["Esc as kitty sends it", "\x1b[27u", ["escape"]],
  ["Enter as kitty sends it where all keys are reported", "\x1b[13u", []],
  ["Home, F5, Delete", "\x1b[H\x1b[15~\x1b[3~", []],
  ["F1 to F5 of the Linux console", "\x1b[[A\x1b[[E", []],
  ["a Ctrl and an arrow", "\x1b[1;5A", []],
  // reports
  ["where the cursor is", "\x1b[12;40R", []],
  ["a colour, to BEL", "\x1b]11;rgb:aaaa/dddd/aaaa\x07", []],
  ["a colour, to ST", "\x1b]4;1;rgb:ffff/0000/yyyy\x1b\\", []],
  ["a colour, with 8-bit controls", "\x9d11;rgb:aa/dd/yy\x9c", []],
  ["a colour, with 8-bit controls in UTF-8", utf8("\u009d11;rgb:aa/dd/yy\u009c"), []],
  ["a mode, which ends with y", "\x1b[?25;1$y", []],
  ["a mode, with an 8-bit control", "\x9b?25;1$y", []],
  ["a mode, with an 8-bit control in UTF-8", utf8("\u009b?25;1$y"), []],
  ["what the terminal is", "\x1b[?64;1;2;6;9;15;18;21;22c\x1b[>41;390;0c\x1bP!|7e595959\x1b\\", []],
  ["its version", "\x1bP>|yterm(390)\x1b\\", []],
  ["a setting", "\x1bP1$r0;1;31my\x1b\\", []],
  ["a setting that is echoed with line breaks in it", "\x1bP0$r\r\ry\r\x1b\\", []],
  ["a string with arrows in it", "\x1bP0$r\x1b[B\r\x1b\\", []],
  ["a title", "\x1b]lyes, y\x1b\\\x1b]Lyes\x1b\\", []],
  ["its size", "\x1b[8;24;80t\x1b[4;600;800t", []],
  ["focus", "\x1b[I\x1b[O", []],
  ["the clipboard", "\x1b]52;c;eXl5\x07", []],
  ["the mouse at column 89, row 89", "\x1b[M yy", []],
  ["the end of a highlight, at column 89, row 89", "\x1b[tyy", []],
  ["a highlight from one place to another", "\x1b[Tyyyyyy", []],
  ["the mouse at a column that is no ASCII", "\x1b[M \xf0\xf0", []],
  ["the mouse, in characters", `\x1b[M ${utf8("\u0100")}y`, []],
  ["the mouse, in numbers", "\x1b[<0;12;7M\x1b[<0;12;7m\x1b[0;12;7M", []],
  ["an APC and a PM", "\x1b_Gi=1;OK\ry\x1b\\\x1b^y\x1b\\", []],
  ["a paste", "\x1b[200~y\r\x1b[201~", ["(y)", "(return)"]],
  // no UTF-8
  ["Latin-1", "\xe9a", ["\ufffd", "a"]],
  ["Enter in three bytes", "\xe0\x80\x8d", ["\ufffd"]],
  ["Enter in two bytes", "\xc0\x8d", ["\ufffd"]],
  ["a surrogate", "\xed\xa0\x80", ["\ufffd"]],
  ["a code point that there is not", "\xf4\x9f\xbf\xbf", ["\ufffd"]],
  ["a character that is cut off by an arrow", "\xe2\x82\x1b[A", ["\ufffd", "up"]],
];

describe("what a terminal sends", () => {
  it.each(sent)("is read whole: %s", (_, bytes, keys) => {
    expect(whole(`${bytes}x`)).toEqual([...keys, "x"]);
  });

  it.each(sent)("is read one byte at a time: %s", (_, bytes, keys) => {
    expect(oneByOne(`${bytes}x`)).toEqual([...keys, "x"]);
  });

  it("is Ctrl-C, and nothing else, where there is one: also inside of a sequence, or behind an Enter", () => {
    for (const text of ["\x03", "\x1b[B\r\x03", "\x03\r", "\x1b]11;rgb\x03", "\x1b[200~\x03", "\xe2\x03"])
      expect(whole(text)).toEqual(["^c"]);
    for (const text of ["\x1b[99;5u", "\x1b[27;5;99~"]) expect(whole(text)).toEqual(["^c"]);
    const parser = new KeyParser();
    parser.feed(bytesOf("\x1b]11;rgb"));
    parser.feed(bytesOf("\x03"));
    expect(words(parser.feed(bytesOf("\r")))).toEqual(["return"]);
  });

  it("is Esc where nothing follows it for a while", () => {
    const parser = new KeyParser();
    expect(parser.feed(bytesOf("\x1b"))).toEqual([]);
    expect(parser.patience).toBeLessThan(500);
    expect(parser.silence()).toEqual({ name: "escape" });
    expect(parser.patience).toBeUndefined();
    expect(words(parser.feed(bytesOf("[A")))).toEqual(["[", "A"]);
  });

  it("is read again after a report that never ends", () => {
    const parser = new KeyParser();
    expect(parser.feed(bytesOf("\x1b]y\r"))).toEqual([]);
    expect(parser.patience).toBeGreaterThan(500);
    expect(parser.silence()).toBeUndefined();
    expect(words(parser.feed(bytesOf("\r")))).toEqual(["return"]);
  });

  it("has the same keys however it is cut into pieces", () => {
    const piece = fc.constantFrom(...sent.map(([, bytes]) => bytes), "\r", "y", "\x1b[B", "\x1b");
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.nat(7)), (pieces, sizes) => {
        const bytes = bytesOf(pieces.join(""));
        const parser = new KeyParser();
        const keys: Key[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const size = (sizes[cut % Math.max(1, sizes.length)] ?? 3) + 1;
          keys.push(...parser.feed(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(words(keys)).toEqual(words(new KeyParser().feed(bytes)));
      }),
    );
  });
});

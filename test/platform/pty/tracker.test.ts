/** What a program has switched on of its terminal, by what it writes. */
import { describe, expect, it } from "vitest";
import { ModeTracker } from "../../../src/platform/pty/tracker.ts";

function after(text: string): ModeTracker {
  const tracker = new ModeTracker();
  tracker.feed(Buffer.from(text));
  return tracker;
}

/** As a stream brings it: a byte at a time, what is not whole in front of the next one. */
function byteByByte(text: string): ModeTracker {
  const tracker = new ModeTracker();
  let held = Buffer.alloc(0);
  for (const byte of Buffer.from(text)) {
    held = Buffer.concat([held, Buffer.from([byte])]);
    held = held.subarray(tracker.feed(held));
  }
  return tracker;
}

describe("the screen for a question", () => {
  it("is the alternate one where the program has the usual one, which has what stood there afterwards", () => {
    const tracker = after("$ ls\r\nfile\r\n");
    expect(tracker.isAlternate).toBe(false);
    expect(tracker.suspend().startsWith("\x1b[?1049h")).toBe(true);
    expect(tracker.resume().endsWith("\x1b[?1049l")).toBe(true);
    expect(tracker.resume()).toContain("\x1b[?25h");
  });

  it.each([47, 1047, 1049])("is the program's where it has the alternate one (?%i), and stays so", (mode) => {
    const tracker = after(`\x1b[?${mode}h\x1b[2Jtext`);
    expect(tracker.isAlternate).toBe(true);
    expect(tracker.suspend()).not.toContain("49");
    expect(tracker.resume()).not.toContain("49");
    tracker.feed(Buffer.from(`\x1b[?${mode}l`));
    expect(tracker.isAlternate).toBe(false);
  });

  it.each<[string, string, string, string]>([
    ["mouse reports", "\x1b[?1000;1006h", "\x1b[?1000l\x1b[?1006l", "\x1b[?1000h\x1b[?1006h"],
    ["bracketed paste", "\x1b[?2004h", "\x1b[?2004l", "\x1b[?2004h"],
    ["focus reports", "\x1b[?1004h", "\x1b[?1004l", "\x1b[?1004h"],
    ["cursor keys of an application", "\x1b[?1h", "\x1b[?1l", "\x1b[?1h"],
    ["a keypad of an application", "\x1b=", "\x1b>", "\x1b="],
    ["lines that do not wrap", "\x1b[?7l", "\x1b[?7h", "\x1b[?7l"],
    ["the keys of xterm", "\x1b[>4;2m", "\x1b[>4m", "\x1b[>4;2m"],
    ["the keys of kitty", "\x1b[>1u", "\x1b[>0u", "\x1b[<u"],
    ["a region that scrolls", "\x1b[3;20r", "\x1b[r", "\x1b[3;20r"],
  ])("has none of %s, which are there again afterwards", (_, on, off, again) => {
    for (const tracker of [after(`text${on}more`), byteByByte(`text${on}more`)]) {
      expect(tracker.suspend()).toContain(off);
      expect(tracker.resume()).toContain(again);
    }
  });

  it("leaves a cursor hidden that the program has hidden", () => {
    expect(after("\x1b[?25l").resume()).not.toContain("\x1b[?25h");
    expect(after("\x1b[?25l\x1b[?25h").resume()).toContain("\x1b[?25h");
  });

  it.each([
    ["RIS", "\x1bc"],
    ["each by itself", "\x1b[?1003l\x1b[?2004l\x1b>\x1b[<u\x1b[>4m\x1b[r\x1b[?1l\x1b[?1049l"],
  ])("has nothing to switch on again after %s", (_, off) => {
    const on = "\x1b[?1003h\x1b[?2004h\x1b=\x1b[>1u\x1b[>4;1m\x1b[2;3r\x1b[?1h\x1b[?1049h";
    expect(after(on + off).resume()).toBe(new ModeTracker().resume());
    expect(after(on + off).suspend()).toBe(new ModeTracker().suspend());
  });

  it("does not take for a mode what stands in a title", () => {
    expect(after("\x1b]0;[?1049h\x07").isAlternate).toBe(false);
    expect(after("\x1bP[?1049h\x1b\\").isAlternate).toBe(false);
    expect(byteByByte("\x1b]0;[?1049h\x1b\\\x1b[?1049h").isAlternate).toBe(true);
  });
});

describe("what is not whole", () => {
  it.each<[string, string, string]>([
    ["an escape", "text", "\x1b"],
    ["a sequence", "text", "\x1b[?10"],
    ["a title", "\x1b[m", "\x1b]0;tit"],
    ["a title before its end", "", "\x1b]0;title\x1b"],
    ["a charset", "x", "\x1b("],
    ["a character of two bytes", "a", "\xc3"],
    ["one of three", "ab", "\xe2\x82"],
    ["one of four", "", "\xf0\x9f\x98"],
  ])("waits for its end: %s", (_, whole, rest) => {
    const bytes = Buffer.from(whole + rest, "latin1");
    expect(new ModeTracker().feed(bytes)).toBe(whole.length);
  });

  it.each<[string, string]>([
    ["text", "text\r\n"],
    ["a character of four bytes", "\xf0\x9f\x98\x80"],
    ["bytes that are no UTF-8", "\x80\x80\x80\x80"],
    ["a sequence", "\x1b[31m"],
    ["a sequence that another one breaks off", "\x1b[3\x1b[m"],
    ["zeros", "\0".repeat(5000)],
    ["a string of more than anybody keeps", `\x1b]52;c;${"A".repeat(5000)}`],
  ])("is nothing of %s", (_, text) => {
    const bytes = Buffer.from(text, "latin1");
    expect(new ModeTracker().feed(bytes)).toBe(bytes.length);
  });
});

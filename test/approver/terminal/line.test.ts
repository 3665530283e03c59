/** A line that is typed: what its keys do, and what of it is on the screen. */
import { describe, expect, it } from "vitest";
import { type Key, KeyParser } from "../../../src/approver/screen/keys.ts";
import { LineEditor, type LineKind, readLine, type Typed } from "../../../src/approver/terminal/line.ts";
import type { OpenTerminal } from "../../../src/approver/terminal/open-terminal.ts";

/** What has come of it after these bytes, each on its own. */
function type(text: string, editor = new LineEditor("secret", false)): Typed | undefined {
  const parser = new KeyParser();
  for (const byte of Buffer.from(text))
    for (const key of parser.feed(Uint8Array.of(byte))) {
      const over = editor.key(key);
      if (over) return over;
    }
  return undefined;
}

describe("a line", () => {
  it.each([
    ["correct horse\r", "correct horse"],
    ["\r", ""],
    ["pässwörd €😀\n", "pässwörd €😀"],
    ["wronk\x7fg\r", "wrong"],
    ["😀\x7f\b\x7fé\r", "é"],
    ["all wrong\x15right\r", "right"],
    ["one two  \x17three\r", "one three"],
    ["one\x17\x17\r", ""],
    ["a\x04b\x1a\x00c\r", "abc"],
    ["a\x1b[D\x1bOA\x1b[3~\x1b[12;40R\x1b]11;rgb:a/b/c\x07b\r", "ab"],
    ["\x1b[200~pasted\x1b[201~\r", "pasted"],
    ["first\rsecond\r", "first"],
    [`${"x".repeat(20_000)}\r`, "x".repeat(20_000)],
  ])("is what was typed: %j", (text, line) => {
    expect(type(text)).toEqual({ line });
  });

  it("is given up with Ctrl-C, and with Ctrl-D where it is empty", () => {
    expect(type("abc\x03")).toEqual({ no: "interrupted" });
    expect(type("\x04")).toEqual({ no: "refused" });
    expect(type("a\x7f\x04")).toEqual({ no: "refused" });
  });

  it("is given up with Esc only where that is offered", () => {
    const key: Key = { name: "escape" };
    expect(new LineEditor("secret", true).key(key)).toEqual({ no: "refused" });
    expect(new LineEditor("secret", false).key(key)).toBeUndefined();
  });

  it("is forgotten once it is over", () => {
    const editor = new LineEditor("text", false);
    expect(type("secret\r", editor)).toEqual({ line: "secret" });
    expect(type("\r", editor)).toEqual({ line: "" });
    type("secret\x03", editor);
    expect(editor.draw(80)).not.toContain("secret");
  });
});

describe("a line on the screen", () => {
  const shown = (kind: LineKind, text: string, columns = 80): string => {
    const editor = new LineEditor(kind, false);
    type(text, editor);
    return editor.draw(columns);
  };

  it("is not there if it is a secret: neither it nor how long it is", () => {
    expect(shown("secret", "horse")).toBe(shown("secret", ""));
  });

  it("is there if it is none, and a character that does things to a screen is named", () => {
    expect(shown("text", "me")).toBe("\r\x1b[K? me");
    expect(shown("text", "DOMAIN\\me")).toContain("? DOMAIN\\me");
    expect(shown("text", "a\u202eb")).toContain("? a\\u{202e}b");
  });

  it("shows its end where it is longer than the line, so that nothing wraps", () => {
    expect(shown("text", "0123456789".repeat(3), 20)).toBe("\r\x1b[K? 34567890123456789");
    expect(shown("text", "日本語".repeat(20), 20)).toMatch(/\? .{8}$/u);
  });
});

/** A terminal that is typed on by hand. */
class StubTerminal implements OpenTerminal {
  said = "";
  readonly hungUp = new AbortController();
  readonly gone = this.hungUp.signal;
  #heard: Parameters<OpenTerminal["listen"]>[0] = () => {};

  listen(heard: Parameters<OpenTerminal["listen"]>[0]): void {
    this.#heard = heard;
  }

  type(text: string, counts = true): void {
    this.#heard(new KeyParser().feed(Buffer.from(text)), counts);
  }

  say(text: string): void {
    this.said += text;
  }

  size = () => ({ columns: 80, rows: 24 });
  close = () => {};
}

describe("reading a line", () => {
  const { signal } = new AbortController();
  const read = (kind: LineKind, until = signal) => {
    const terminal = new StubTerminal();
    return { terminal, line: readLine(terminal, new LineEditor(kind, false), until) };
  };

  it("writes nothing of a secret, in one piece or by the letter", async () => {
    for (const pieces of [["hunter2\r"], [..."hunter2\r"]]) {
      const { terminal, line } = read("secret");
      for (const piece of pieces) terminal.type(piece);
      expect(await line).toEqual({ line: "hunter2" });
      expect(terminal.said).not.toMatch(/[hunter2]/);
    }
  });

  it("takes what is shown from the screen again", async () => {
    const { terminal, line } = read("text");
    terminal.type("me");
    expect(terminal.said.endsWith("? me")).toBe(true);
    terminal.type("\r");
    expect(await line).toEqual({ line: "me" });
    expect(terminal.said.endsWith("\r\x1b[K")).toBe(true);
  });

  it("hears no key that came too early, but Ctrl-C", async () => {
    const { terminal, line } = read("secret");
    terminal.type("early\r", false);
    terminal.type("late\r");
    expect(await line).toEqual({ line: "late" });
    const other = read("secret");
    other.terminal.type("\x03", false);
    expect(await other.line).toEqual({ no: "interrupted" });
  });

  it("ends when it is withdrawn, or the terminal is hung up", async () => {
    const withdrawn = new AbortController();
    const one = read("secret", withdrawn.signal);
    withdrawn.abort(new Error("no longer asked"));
    await expect(one.line).rejects.toThrow("no longer asked");
    const other = read("secret");
    other.terminal.hungUp.abort(new Error("the terminal is gone"));
    await expect(other.line).rejects.toThrow("the terminal is gone");
  });
});

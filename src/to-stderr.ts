/**
 * Lines for whoever started this process. Text of a peer, a path or a file goes through visible() where it is
 * put into words. What was forgotten there comes as escapes here, and a line stays one line: no terminal obeys
 * anything of it.
 */

/** Tells on stderr. */
export function toStderr(line: string): void {
  process.stderr.write(`${safeForScreen(line)}\n`);
}

/** Answers on stdout. */
export function toStdout(line: string): void {
  process.stdout.write(`${safeForScreen(line)}\n`);
}

/** The same for JSON: it stays what it was, and has nothing in it that a terminal obeys. */
export function toStdoutAsJson(json: string): void {
  const escaped = json.replace(unsafe, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
      .join(""),
  );
  process.stdout.write(`${escaped}\n`);
}

/** Control characters, bidi and other formatting, line and paragraph separators. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** As visible() has it, but neither cut nor escaped twice. */
export function safeForScreen(line: string): string {
  return line.replace(unsafe, (character) => {
    if (character === "\n") return "\\n";
    const code = character.codePointAt(0) ?? 0;
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

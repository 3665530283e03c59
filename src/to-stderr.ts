import { onScreen } from "./policy/visible.ts";

/**
 * Lines for whoever started this process. Text of a peer, a path or a file goes through visible() where it is
 * put into words. What was forgotten there comes as escapes here, and a line stays one line: no terminal obeys
 * anything of it.
 */

/** Tells on stderr. */
export function toStderr(line: string): void {
  process.stderr.write(`${onScreen(line)}\n`);
}

/** Answers on stdout. */
export function toStdout(line: string): void {
  process.stdout.write(`${onScreen(line)}\n`);
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

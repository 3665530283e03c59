/** Text on a screen of a known width. It has gone through visible(): no control characters, nothing that is drawn as nothing. */

/** Of a screen, in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** East Asian wide and full-width characters, and emoji: two columns each. unicode.org/reports/tr11 */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]/u;

function widthOf(character: string): number {
  if (wide.test(character)) return 2;
  return /\p{M}/u.test(character) ? 0 : 1;
}

/** In columns. */
export function textWidth(text: string): number {
  return [...text].reduce((sum, character) => sum + widthOf(character), 0);
}

/** The text in lines of at most `width` columns, broken at blanks where there are some; what follows a break is indented. */
export function wrap(text: string, width: number, indent = "  "): string[] {
  const lines: string[] = [];
  const room = Math.max(width, indent.length + 1); // the indent alone would go on for ever
  let rest = text;
  while (textWidth(rest) > room) {
    const fitting = fit(rest, room);
    const blank = fitting.lastIndexOf(" ");
    // a break within the indent would go on for ever
    const end = blank > room / 2 ? blank : Math.max(fitting.length, indent.length + 1);
    lines.push(rest.slice(0, end));
    rest = `${indent}${rest.slice(end).trimStart()}`;
  }
  return [...lines, rest];
}

/** As much of the text as `width` columns hold, with an ellipsis where some is missing. */
export function cut(text: string, width: number): string {
  return textWidth(text) <= width ? text : `${fit(text, width - 1)}…`;
}

function fit(text: string, width: number): string {
  let columns = 0;
  let fitting = "";
  for (const character of text) {
    columns += widthOf(character);
    if (columns > width) break;
    fitting += character;
  }
  return fitting;
}

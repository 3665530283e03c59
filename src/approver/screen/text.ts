/**
 * Text on a screen of a known width. It has gone through visible(): no control characters, nothing that is
 * drawn as nothing.
 */

/** Of a screen, in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** Of a terminal that does not tell its own. */
export const USUAL_COLUMNS = 80;
export const USUAL_ROWS = 24;

const WIDEST = 2;

/**
 * At most: terminals differ in what they draw two columns wide (East Asian characters, emoji, what is
 * ambiguous), and in what they draw over the character before. A line that is taken for longer than it is
 * does no harm; one that is longer would go on in the first column, where it could pass for a line of ours.
 */
function widthOf(character: string): number {
  return character <= "~" ? 1 : WIDEST;
}

/** In columns, at most. */
export function textWidth(text: string): number {
  return [...text].reduce((sum, character) => sum + widthOf(character), 0);
}

/**
 * Deeper than the lines of a question, of which some are indented themselves: what a request puts into one
 * never stands where a line begins.
 */
const INDENT = "    ";

/**
 * The text in lines of at most `width` columns, broken at blanks where there are some; what follows a break
 * is indented, however narrow the screen.
 * @param measure the columns of one character, at most
 */
export function wrap(
  text: string,
  width: number,
  measure: (character: string) => number = widthOf,
): string[] {
  const lines: string[] = [];
  const room = Math.max(width, INDENT.length + WIDEST);
  // a break within the indent would go on for ever
  const least = Math.max(INDENT.length, room / 4);
  let indent = "";
  let from = 0; // a rest that is copied for each line takes long with a long text
  for (;;) {
    const fitting = fit(text.slice(from, from + 2 * room), room - indent.length, measure);
    const end = from + fitting.length;
    if (end === text.length) return [...lines, `${indent}${fitting}`];
    const blank = fitting.lastIndexOf(" ") + indent.length;
    const length = blank > least ? blank - indent.length : fitting.length;
    lines.push(`${indent}${fitting.slice(0, length)}`);
    from = behindBlanks(text, from + length);
    indent = INDENT;
  }
}

function behindBlanks(text: string, from: number): number {
  const blanks = /\s*/y;
  blanks.lastIndex = from;
  blanks.test(text);
  return blanks.lastIndex;
}

/** As much of the text as `width` columns hold, with an ellipsis where some is missing. */
export function cut(text: string, width: number): string {
  return fit(text, width) === text ? text : `${fit(text, width - 1)}…`;
}

function fit(text: string, width: number, measure = widthOf): string {
  let columns = 0;
  let fitting = "";
  for (const character of text) {
    columns += measure(character);
    if (columns > width) break;
    fitting += character;
  }
  return fitting;
}

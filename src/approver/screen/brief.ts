/** The lines of a question in the rows of a screen. What is shown first has no more than eight of them. */
import type { Question } from "../../policy/question.ts";
import { cut, wrap } from "./text.ts";

/** The most rows before "more". */
export const BRIEF_ROWS = 8;

/**
 * What says that there is more, where no key leads to it. OpenSSH's own questions may wait in no guard, and are
 * short.
 */
export function moreElsewhere({ request }: Question): string[] {
  return request.kind === "confirm" ? [] : ["more: muxguard pending"];
}

/** What a question begins with where nothing else says whose it is. */
export const HEADING = "muxguard: ";

const INDENT = "  ";

/**
 * Below a first line with the heading the others are indented.
 * @param isBrief whether there is more elsewhere
 */
export function questionRows(
  [title = "", ...lines]: readonly string[],
  width: number,
  isBrief: boolean,
  heading = "",
): string[] {
  const indent = heading === "" ? "" : INDENT;
  const text = [`${heading}${title}`, ...lines];
  const room = width - indent.length;
  const rows = isBrief ? fewRows(text, room) : text.flatMap((line) => wrap(line, room));
  return rows.map((row, at) => (at === 0 ? row : `${indent}${row}`));
}

/** As many as there is room for, and a sign where that is not all. */
export function fewRows(
  lines: readonly string[],
  width: number,
  measure?: (character: string) => number,
): string[] {
  const rows = lines.flatMap((line) => wrap(line, width, measure));
  const [last = ""] = rows.slice(BRIEF_ROWS - 1);
  return rows.length <= BRIEF_ROWS ? rows : [...rows.slice(0, BRIEF_ROWS - 1), cut(`${last} …`, width)];
}

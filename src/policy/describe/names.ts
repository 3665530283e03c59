/** Names in a row: of variables, of hosts. */
import { named } from "../visible.ts";

/** How many variables a phrase names; a question has a line for more. */
export const FEW = 3;
export const MANY = 16;

/** `LANG, LC_ALL, TERM and 2 more` @param limit how many are named */
export function describeNames(names: readonly string[], limit: number): string {
  const shown = names.slice(0, limit).map((name) => named(name, 32));
  return `${shown.join(", ")}${names.length > limit ? ` and ${names.length - limit} more` : ""}`;
}

/** The longest list of hosts, in characters. */
const LONGEST = 120;

/** How many hosts make a range. */
const RANGE = 3;

interface Numbered {
  name: string;
  /** What is alike in a range. */
  stem: string;
  digits: string;
}

/**
 * Those that are numbered from one to the next are one range: `db1, db2, web01 to web20`. What is left out of a
 * long list is counted.
 */
export function describeHosts(names: readonly string[]): string {
  const ranges = rangesOf(names);
  let text = "";
  let left = names.length;
  for (const range of ranges) {
    const next = `${text === "" ? "" : ", "}${rangeText(range)}`;
    if (text !== "" && text.length + next.length > LONGEST) return `${text} and ${left} more`;
    text += next;
    left -= range.length;
  }
  return text;
}

function rangeText(range: readonly string[]): string {
  return range.length < RANGE ? range.join(", ") : `${range[0]} to ${range.at(-1)}`;
}

/** In order, each name in one of them. */
function rangesOf(names: readonly string[]): string[][] {
  const sorted = names.map(numbered).sort(byNumber);
  const ranges: string[][] = [];
  let before: Numbered | undefined;
  for (const one of sorted) {
    if (before && follows(before, one)) ranges.at(-1)?.push(one.name);
    else ranges.push([one.name]);
    before = one;
  }
  return ranges;
}

/** By its last number. */
function numbered(name: string): Numbered {
  const [, begin = name, digits = "", end = ""] = /^(.*?)(\d{1,9})(\D*)$/s.exec(name) ?? [];
  return { name, stem: JSON.stringify([begin, end]), digits };
}

function byNumber(one: Numbered, other: Numbered): number {
  if (one.stem !== other.stem) return one.stem < other.stem ? -1 : 1;
  return Number(one.digits) - Number(other.digits);
}

/** `web09` and `web10`, not `web9` and `web010`. */
function follows(one: Numbered, next: Numbered): boolean {
  if (one.stem !== next.stem || one.digits === "" || next.digits === "") return false;
  return String(Number(one.digits) + 1).padStart(one.digits.length, "0") === next.digits;
}

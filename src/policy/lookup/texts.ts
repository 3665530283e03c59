/**
 * Which rules a text may be meant by: those with the very text, and those with a pattern that begins or ends
 * like it. Whether the rest of a pattern fits is looked at by whoever asks.
 *
 * It takes time in proportion to the text and to the logarithm of the patterns: the text may be hostile.
 */
import { wildcardOf } from "../match/pattern.ts";
import { lastUpTo } from "./sorted.ts";

/** Places of rules in their list, in order. */
export type Places = readonly number[];

/** What is looked up: the text of a pattern up to its first wildcard, or from its last one on. */
interface Part {
  of: "whole" | "begin" | "end";
  /** Of an end, backwards. */
  text: string;
}

/** As text to compare; undefined for a pattern that any text may fit. */
export function partKey(pattern: string): string | undefined {
  const part = partOf(pattern);
  return part && `${part.of} ${part.text}`;
}

function partOf(pattern: string): Part | undefined {
  const first = wildcardOf(pattern);
  if (first < 0) return { of: "whole", text: pattern };
  const behind = Math.max(pattern.lastIndexOf("*"), pattern.lastIndexOf("?")) + 1;
  if (first === 0 && behind === pattern.length) return undefined;
  if (first >= pattern.length - behind) return { of: "begin", text: pattern.slice(0, first) };
  return { of: "end", text: backwards(pattern.slice(behind)) };
}

function backwards(text: string): string {
  return text.split("").reverse().join("");
}

export class Texts {
  readonly #whole = new Map<string, number[]>();
  readonly #begin = new Beginnings();
  readonly #end = new Beginnings();

  /** Rules come in their order. @param pattern one that has a part to look up */
  add(pattern: string, place: number): void {
    const part = partOf(pattern);
    if (part?.of === "whole") push(this.#whole, part.text, place);
    else if (part) (part.of === "begin" ? this.#begin : this.#end).add(part.text, place);
  }

  /** @param found takes what is found: lists of places, each in order */
  find(text: string, found: Places[]): void {
    const whole = this.#whole.get(text);
    if (whole) found.push(whole);
    this.#begin.find(text, found);
    if (this.#end.longest > 0) this.#end.find(backwards(text.slice(-this.#end.longest)), found);
  }

  /** The same for all texts of patterns without a wildcard. */
  findAmong(isIt: (text: string) => boolean, found: Places[]): void {
    for (const [text, places] of this.#whole) if (isIt(text)) found.push(places);
  }
}

/** Texts that others begin with. */
class Beginnings {
  longest = 0;
  readonly #places = new Map<string, number[]>();
  /** Sorted, and of each the longest other one that it begins with. */
  #sorted: { texts: readonly string[]; within: readonly number[] } | undefined;

  add(text: string, place: number): void {
    push(this.#places, text, place);
    this.longest = Math.max(this.longest, text.length);
    this.#sorted = undefined;
  }

  /**
   * All that a text begins with are in one chain: the last one that is not behind the text in the order, or what
   * that begins with.
   */
  find(text: string, found: Places[]): void {
    if (this.longest === 0) return;
    this.#sorted ??= sorted([...this.#places.keys()]);
    const { texts, within } = this.#sorted;
    for (let at = lastUpTo(texts, text); at >= 0; at = within[at] as number) {
      const begin = texts[at] as string;
      if (text.startsWith(begin)) found.push(this.#places.get(begin) as number[]);
    }
  }
}

function sorted(all: string[]): { texts: readonly string[]; within: readonly number[] } {
  const texts = all.sort();
  const within: number[] = [];
  for (const [at, text] of texts.entries()) {
    let before = at - 1;
    while (before >= 0 && !text.startsWith(texts[before] as string)) before = within[before] as number;
    within.push(before);
  }
  return { texts, within };
}

function push(places: Map<string, number[]>, text: string, place: number): void {
  const there = places.get(text);
  if (!there) places.set(text, [place]);
  else if (there.at(-1) !== place) there.push(place);
}

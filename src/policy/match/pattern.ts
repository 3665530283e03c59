/**
 * Patterns as ssh_config(5) has them: `*` is any text, `?` any one character, a list is split at commas, `!`
 * negates.
 */
import { remembered } from "./remembered.ts";

/** Takes time proportional to the product of the lengths at worst: the text may be hostile. */
export function matchPattern(text: string, pattern: string): boolean {
  return matchUnits(text, pattern, isCharacter, () => true);
}

function isCharacter(character: string, pattern: string): boolean {
  return pattern === "?" || pattern === character;
}

/**
 * The same for text and pattern in parts. It goes back to the last `*` alone, which finds every match as long
 * as a part that is not `loose` fits nothing but itself.
 *
 * @param fits whether a part of the text is what a part of the pattern asks for
 * @param loose whether `*` may stand for the part
 */
export function matchUnits(
  text: ArrayLike<string>,
  pattern: ArrayLike<string>,
  fits: (part: string, pattern: string) => boolean,
  loose: (part: string) => boolean,
): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let p = 0;
  while (at < text.length) {
    const part = text[at] as string;
    const wanted = pattern[p];
    if (wanted === "*") {
      star = p++;
      resume = at;
    } else if (wanted !== undefined && fits(part, wanted)) {
      p++;
      at++;
    } else if (star >= 0 && loose(text[resume] as string)) {
      p = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** Where the first wildcard of a pattern is; -1 for one that matches nothing but itself. */
export function wildcardOf(pattern: string): number {
  return pattern.search(/[*?]/);
}

/** "no" if nothing matches, "negated" if a pattern behind a `!` does, whatever else matches. */
export type ListMatch = "yes" | "no" | "negated";

/** match_pattern_list() of OpenSSH's match.c. */
export function matchList(text: string, list: string): ListMatch {
  const { named, excluded } = itemsOf(list);
  if (excluded.fits(text)) return "negated";
  return named.fits(text) ? "yes" : "no";
}

/** A list against host names, without regard to case. */
export function matchHost(name: string, list: string): ListMatch {
  return matchList(name.toLowerCase(), folded(list));
}

/** What a list names, without what it excludes. */
export function patternsOf(list: string): string[] {
  return split(list).filter((item) => !item.startsWith("!"));
}

function split(list: string): string[] {
  return list.split(",").map((item) => item.trim());
}

/** More texts than this are looked up. */
const FEW = 8;

/** Patterns of which one is enough. */
class Alternatives {
  readonly #texts: { has(text: string): boolean };
  readonly #wild: readonly string[];

  constructor(patterns: readonly string[]) {
    const texts = patterns.filter((pattern) => wildcardOf(pattern) < 0);
    this.#texts = texts.length > FEW ? new Set(texts) : { has: (text) => texts.includes(text) };
    this.#wild = patterns.filter((pattern) => wildcardOf(pattern) >= 0);
  }

  fits(text: string): boolean {
    return this.#texts.has(text) || this.#wild.some((pattern) => matchPattern(text, pattern));
  }
}

interface Items {
  named: Alternatives;
  excluded: Alternatives;
}

/** Taking a list apart takes longer than to match it. Lists are of rules or of who asks the log. */
const itemsOf = remembered((list): Items => {
  const excluded = split(list).filter((item) => item.startsWith("!"));
  return {
    named: new Alternatives(patternsOf(list)),
    excluded: new Alternatives(excluded.map((item) => item.slice(1).trimStart())),
  };
});

/** In lower case. */
const folded = remembered((list) => list.toLowerCase());

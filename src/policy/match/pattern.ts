/**
 * Patterns as ssh_config(5) has them: `*` is any text, `?` any one character, a list is split at commas, `!`
 * negates.
 */

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

/** "no" if nothing matches, "negated" if a pattern behind a `!` does, whatever else matches. */
export type ListMatch = "yes" | "no" | "negated";

/** match_pattern_list() of OpenSSH's match.c. */
export function matchList(text: string, list: string): ListMatch {
  let result: ListMatch = "no";
  for (const item of list.split(",")) {
    const pattern = item.trim();
    const negated = pattern.startsWith("!");
    if (!matchPattern(text, negated ? pattern.slice(1).trimStart() : pattern)) continue;
    if (negated) return "negated";
    result = "yes";
  }
  return result;
}

/** A list against host names, without regard to case. */
export function matchHost(name: string, list: string): ListMatch {
  return matchList(name.toLowerCase(), list.toLowerCase());
}

/**
 * Text from a request, made safe for a screen: control characters, terminal escapes, newlines, bidi
 * overrides, invisible and private characters are shown as escapes, and over-long text is cut. What a person
 * decides on must be what was asked. Of several blanks all but the first are escapes too: they could push
 * what follows to where another line begins, or out of sight.
 *
 * Bytes that were not UTF-8 come as the lone surrogates U+DC80 to U+DCFF, one each, and are shown as bytes:
 * `\xff`.
 */

/**
 * Other_Control, Format (bidi, zero width), Surrogate, Private_Use, Unassigned; line and paragraph
 * separators; what is drawn as nothing (fillers, variation selectors); odd spaces.
 */
const unsafe = (): RegExp =>
  /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\\\u2800]|(?! )\p{Zs}|(?<= ) /gu;

/** Nearly all text has none of it. V8 takes a millisecond to read the properties above, and a start may do without. */
const plain = /^(?:[!-[\]-~]| (?! ))*$/;

function escapeUnsafe(text: string, escaped: (character: string) => string): string {
  return plain.test(text) ? text : text.replace(unsafe(), escaped);
}

/** @param limit the longest result, in characters */
export function visible(text: string, limit = 200): string {
  // what is far over the limit need not be escaped first
  const escaped = escapeUnsafe(text.slice(0, limit * 2), escapeCharacter);
  if (escaped.length <= limit && text.length <= limit * 2) return escaped;
  // not half of a surrogate pair
  return `${escaped.slice(0, limit - 1).replace(/\p{Cs}$/u, "")}…`;
}

/**
 * For muxguard's own words with paths and arguments of others in them, just before they are shown: what a
 * terminal obeys is escaped. What has been escaped before stays as it is.
 */
export function onScreen(text: string): string {
  return escapeUnsafe(text, (character) => (isPlain(character) ? character : escapeCharacter(character)));
}

/** The same for JSON in one line, in the escapes that JSON has: it says what it said. */
export function jsonOnScreen(json: string): string {
  return escapeUnsafe(json, (character) =>
    isPlain(character)
      ? character
      : [...Array(character.length).keys()]
          .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
          .join(""),
  );
}

/** What no terminal obeys: escapes that are there already, and blanks. */
function isPlain(character: string): boolean {
  return "\\ ".includes(character);
}

/**
 * As visible(), with the middle left out: the end of a command may be what matters, and whoever wrote it chose how
 * long it is.
 */
export function visibleEnds(text: string, limit: number): string {
  return ends(text, limit, `[${text.length} characters]…`);
}

/** The same without saying how much is left out: for what is in full elsewhere. */
export function folded(text: string, limit: number): string {
  return ends(text, limit, "");
}

function ends(text: string, limit: number, gap: string): string {
  const whole = visible(text, limit + 1);
  if (whole.length <= limit) return whole;
  const tail = Math.floor(limit / 3);
  let end = text.slice(-tail);
  // not half of an escape, nor of a surrogate pair
  while (visible(end, tail + 1).length > tail) end = end.slice(1).replace(/^\p{Cs}/u, "");
  return `${visible(text, limit - tail)}${gap}${visible(end, tail)}`;
}

/**
 * As it is if it can only be a name or an address, otherwise in quotes: it must not read like more words of
 * the question.
 */
export function named(text: string, limit = 64): string {
  return text.length <= limit && isName(text) ? text : quoted(text, limit);
}

/** The same, with the middle left out of what is long. */
export function nameFolded(text: string, limit: number): string {
  const shown = folded(text, limit);
  return isName(text) ? shown : inQuotes(shown);
}

function isName(text: string): boolean {
  return /^[\w.@+:*%/[\]-]+$/.test(text);
}

export function quoted(text: string, limit: number): string {
  return inQuotes(visible(text, limit));
}

/** @param shown text that has gone through visible() */
export function inQuotes(shown: string): string {
  return `"${shown.replaceAll('"', '\\"')}"`;
}

function escapeCharacter(character: string): string {
  switch (character) {
    case "\\":
      return "\\\\";
    case "\n":
      return "\\n";
    case "\t":
      return "\\t";
  }
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  // from here on \x is for bytes alone: the character U+009B and the byte are not the same
  return code >= 0xdc80 && code <= 0xdcff
    ? `\\x${(code - 0xdc00).toString(16)}`
    : `\\u{${code.toString(16)}}`;
}

/**
 * One line of ssh_config(5) as a keyword and its arguments: strdelim() and argv_split() of OpenSSH's misc.c,
 * process_config_line_depth() of readconf.c.
 */

export interface ConfigWords {
  /** In lower case. */
  keyword: string;
  args: string[];
}

/** The first word; it may stand in quotes. One `=` may follow it. */
const keywordPattern = /^[ \t\r\n]*(?:"([^"]*)"|([^ \t\r\n"=]+))[ \t\r\n]*(?:=[ \t\r\n]*)?/;
const trailing = /[ \t\r\n\f]+$/;

/** @returns undefined for an empty line, a comment, a line without arguments, and quotes that don't close */
export function parseLine(line: string): ConfigWords | undefined {
  const [head, quoted, bare] = keywordPattern.exec(line) ?? [];
  const keyword = quoted ?? bare;
  if (head === undefined || keyword === undefined || keyword.startsWith("#")) return undefined;
  const args = splitArguments(line.slice(head.length).replace(trailing, ""), true);
  return args && args.length > 0 ? { keyword: keyword.toLowerCase(), args } : undefined;
}

/**
 * @param comments whether a word that begins with `#` ends the line
 * @returns undefined for quotes that don't close
 */
export function splitArguments(text: string, comments: boolean): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (isBlank(text[at])) at++;
    if (at >= text.length || (comments && text[at] === "#")) return words;
    const word = readWord(text, at);
    if (!word) return undefined;
    words.push(word.text);
    at = word.end;
  }
}

function readWord(text: string, start: number): { text: string; end: number } | undefined {
  let word = "";
  let quote: string | undefined;
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (character === "\\" && next !== "" && (`'"\\`.includes(next) || (!quote && next === " "))) {
      word += next;
      at++;
    } else if (!quote && isBlank(character)) break;
    else if (!quote && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = undefined;
    else word += character;
  }
  return quote ? undefined : { text: word, end: at };
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

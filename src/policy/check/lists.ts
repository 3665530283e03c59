/** Pattern lists as they are written, and what of one another takes. */
import { matchPattern } from "../match/pattern.ts";

export interface ListItem {
  /** Without the `!`. */
  text: string;
  negated: boolean;
}

export function itemsOf(list: string | undefined): ListItem[] {
  if (list === undefined) return [];
  return list.split(",").map((item) => {
    const [, bang, text = ""] = /^(!?)\s*(.*)$/s.exec(item.trim()) ?? [];
    return { text, negated: bang === "!" };
  });
}

export function isLiteral(pattern: string): boolean {
  return !/[*?]/.test(pattern);
}

/** Whether one pattern fits all that the other does. That some do that are not found here does no harm. */
export function takes(wide: string, narrow: string): boolean {
  return wide === "*" || wide === narrow || (isLiteral(narrow) && matchPattern(narrow, wide));
}

/** The same for lists. What excludes something takes nothing for certain. */
export function listTakes(wide: string, narrow: string, takesOne = takes): boolean {
  const items = itemsOf(wide);
  if (items.some(({ negated }) => negated)) return false;
  const wanted = itemsOf(narrow).filter(({ negated }) => !negated);
  return wanted.every(({ text }) => items.some((item) => takesOne(item.text, text)));
}

import type { Rule } from "../policy.ts";

export type Field = keyof Rule;

/** In a file it is followed by what it is about. */
export interface Remark {
  kind: "warning" | "note";
  /** Which of the rules. */
  rule: number;
  /** The field; absent where it is about the rule as a whole. */
  field?: Field;
  /** May hold text of the file: to be shown through visible(). */
  text: string;
  /** Another rule that it is about. */
  other?: number;
}

/** What is wrong with a field. */
export interface Found {
  field: Field;
  text: string;
}

/** Names in a row. */
import { named } from "../visible.ts";

/** How many variables a phrase names; a question has a line for more. */
export const FEW = 3;
export const MANY = 16;

/** `LANG, LC_ALL, TERM and 2 more` @param limit how many are named */
export function describeNames(names: readonly string[], limit: number): string {
  const shown = names.slice(0, limit).map((name) => named(name, 32));
  return `${shown.join(", ")}${names.length > limit ? ` and ${names.length - limit} more` : ""}`;
}

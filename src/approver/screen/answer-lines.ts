/** The answers to a question side by side, for screens with few rows. */
import { cut, textWidth } from "./text.ts";

/** In as many lines as they need. @param chosen which of them is marked */
export function answerLines(
  names: readonly string[],
  chosen: number,
  width: number,
  mark: (name: string) => string,
): string[] {
  const lines = [""];
  let columns = 0;
  for (const [at, whole] of names.entries()) {
    const name = cut(whole, width - 4);
    const wanted = textWidth(name) + 4;
    if (columns > 0 && columns + wanted > width) {
      lines.push("");
      columns = 0;
    }
    lines.push(`${lines.pop()}${at === chosen ? mark(name) : `  ${name}`}  `);
    columns += wanted;
  }
  return lines;
}

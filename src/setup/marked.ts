/**
 * Lines of ours in a file of the user's: between two marks, once however often they are put there. Texts are
 * bytes as latin1 here, so that what is no UTF-8 stays as it is.
 */

const BEGIN = "# >>> muxguard init >>>";
const END = "# <<< muxguard init <<<";

/** @param at where they go if they are not there yet */
export function putMarked(text: string, lines: readonly string[], at: "start" | "end"): string {
  const block = bytesOf([BEGIN, ...lines, END, ""].join("\n"));
  const begin = lineAt(text, BEGIN);
  const end = begin < 0 ? -1 : lineAt(text, END, begin);
  if (end >= 0) return text.slice(0, begin) + block + text.slice(end + END.length + 1);
  if (at === "start") return text === "" ? block : `${block}\n${text}`;
  const gap = text === "" ? "" : text.endsWith("\n") ? "\n" : "\n\n";
  return `${text}${gap}${block}`;
}

function lineAt(text: string, line: string, from = 0): number {
  if (from === 0 && text.startsWith(`${line}\n`)) return 0;
  const found = `${text}\n`.indexOf(`\n${line}\n`, from);
  return found < 0 ? -1 : found + 1;
}

export function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

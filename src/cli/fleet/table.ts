/** `[fleet]` in the text of config.toml, where the rest stays as somebody wrote it. */

const HEADER = /^\s*\[\s*fleet\s*\]/;

/** With fields at its beginning. The same text where there is no such line. */
export function withFields(text: string, fields: string): string {
  const lines = text.split("\n");
  const at = lines.findIndex((line) => HEADER.test(line));
  return at < 0 ? text : [...lines.slice(0, at + 1), fields.trimEnd(), ...lines.slice(at + 1)].join("\n");
}

/** From its line on, with the empty one before it. What is said above the next table stays. */
export function withoutFleet(text: string): string {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => HEADER.test(line));
  if (from < 0) return text;
  const next = lines.findIndex((line, at) => at > from && /^\s*\[/.test(line));
  const rest = lines.slice(from, next < 0 ? undefined : next);
  const last = rest.findLastIndex((line) => !/^\s*(?:#|$)/.test(line));
  const before = lines.slice(0, from > 0 && lines[from - 1]?.trim() === "" ? from - 1 : from);
  return [...before, ...lines.slice(from + last + 1)].join("\n");
}

/**
 * A screen as `tmux capture-pane -e` has it, as an SVG. Knows the colours that muxguard uses, and bold and dim.
 */

const [CELL, LINE, MARGIN] = [8.4, 18, 14] as const;
const FONT = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const colours: Record<number, string> = { 36: "#56b6c2", 32: "#98c379", 31: "#e06c75" };
const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

interface Style {
  fill?: string;
  "font-weight"?: string;
  opacity?: string;
}

export function toSvg(screen: string, title: string, columns: number): string {
  const lines = screen.trimEnd().split("\n");
  const width = Math.ceil(columns * CELL + 2 * MARGIN);
  const height = lines.length * LINE + 2 * MARGIN;
  const box = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${box}>
<title>${title}</title>
<rect width="100%" height="100%" rx="8" fill="#1e2127"/>
<g font-family="${FONT}" font-size="14" fill="#c8ccd4">
${drawLines(lines).join("\n")}
</g>
</svg>
`;
}

/** A style goes on over the end of a line. */
function drawLines(lines: readonly string[]): string[] {
  const spans: string[] = [];
  let style: Style = {};
  for (const [row, line] of lines.entries()) {
    let column = 0;
    for (const part of `[m${line}`.split("\x1b")) {
      const [, codes, words = ""] = /^(?:\[([\d;]*)m|\([B0])?(.*)$/.exec(part) ?? [];
      for (const code of codes?.split(";") ?? []) style = apply(style, Number(code));
      spans.push(...drawSpan(words, style, column, row));
      column += [...words].length;
    }
  }
  return spans;
}

/** Select Graphic Rendition, ECMA-48 §8.3.117. */
function apply(style: Style, code: number): Style {
  const { fill, ...plain } = style;
  const colour = colours[code];
  if (code === 0) return {};
  if (code === 39) return plain;
  if (colour !== undefined) return { ...style, fill: colour };
  if (code === 1) return { ...style, "font-weight": "bold" };
  if (code === 2) return { ...style, opacity: "0.6" };
  return code === 22 ? (fill === undefined ? {} : { fill }) : style;
}

/** Each at its own place, as renderers leave out what blanks stand for: Chromium knows no xml:space. */
function drawSpan(span: string, style: Style, column: number, row: number): string[] {
  const more = Object.entries(style).map(([name, value]) => ` ${name}="${value}"`);
  const y = MARGIN + row * LINE + 14;
  return [...span.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) => {
    const shown = words.replace(/[&<>]/g, (character) => escapes[character] ?? "");
    const x = (MARGIN + (column + [...span.slice(0, index)].length) * CELL).toFixed(1);
    const length = ([...words].length * CELL).toFixed(1);
    return `<text x="${x}" y="${y}" textLength="${length}"${more.join("")}>${shown}</text>`;
  });
}

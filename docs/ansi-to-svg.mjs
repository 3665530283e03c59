/** A screen as `tmux capture-pane -e` has it, from stdin, as an SVG on stdout. Knows the colours that muxguard uses, and bold and dim. */
import { text } from "node:stream/consumers";

const [, , title = "", columns = "100"] = process.argv;
const [CELL, LINE, MARGIN] = [8.4, 18, 14];
const colours = { 36: "#56b6c2", 32: "#98c379", 31: "#e06c75" };
const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const lines = (await text(process.stdin)).trimEnd().split("\n");
const width = Math.ceil(Number(columns) * CELL + 2 * MARGIN);
const height = lines.length * LINE + 2 * MARGIN;
let style = {};

process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>${title}</title>
<rect width="100%" height="100%" rx="8" fill="#1e2127"/>
<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#c8ccd4" xml:space="preserve">
${lines.flatMap(drawLine).join("\n")}
</g>
</svg>
`);

function drawLine(line, row) {
  let column = 0;
  const spans = [];
  for (const part of `[m${line}`.split("\x1b")) {
    const [, codes, words] = /^(?:\[([\d;]*)m|\([B0])?(.*)$/.exec(part);
    for (const code of codes?.split(";") ?? []) apply(Number(code));
    spans.push(span(words, column, row));
    column += [...words].length;
  }
  return spans.filter((one) => one !== "");
}

function apply(code) {
  if (code === 0) style = {};
  else if (code === 39) style = { ...style, fill: undefined };
  else if (colours[code]) style = { ...style, fill: colours[code] };
  else if (code === 1) style = { ...style, weight: "bold" };
  else if (code === 2) style = { ...style, opacity: "0.6" };
  else if (code === 22) style = { ...style, weight: undefined, opacity: undefined };
}

function span(words, column, row) {
  if (words.trim() === "") return "";
  const shown = words.replace(/[&<>]/g, (character) => escapes[character]);
  const { fill, weight, opacity } = style;
  const attributes = Object.entries({ fill, "font-weight": weight, opacity }).filter(([, value]) => value);
  const more = attributes.map(([name, value]) => ` ${name}="${value}"`).join("");
  const [x, y] = [(MARGIN + column * CELL).toFixed(1), MARGIN + row * LINE + 14];
  return `<text x="${x}" y="${y}" textLength="${([...words].length * CELL).toFixed(1)}"${more}>${shown}</text>`;
}

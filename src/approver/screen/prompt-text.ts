/**
 * What ssh asks, as lines for a screen. The text may be a server's own (keyboard-interactive), so no control
 * character of it reaches the terminal.
 */
import { visible } from "../../policy/visible.ts";

const MAX_LINES = 40;
const MAX_LINE = 300;

export function promptLines(text: string): string[] {
  const lines = text.trimEnd().split("\n").slice(0, MAX_LINES);
  return lines.map((line) => visible(line, MAX_LINE));
}

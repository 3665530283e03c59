/**
 * Text for a dialog that is drawn by somebody else's program. It has gone through visible(); what else such
 * programs make of it is mended here:
 *
 * - ksshaskpass takes it for HTML, and so does lxqt-openssh-askpass if there is a tag in the first line
 *   (Qt::mightBeRichText()): a `<!--` in a command would
 *   hide all behind it.
 * - x11-ssh-askpass breaks no line, and centres a window that is wider than the screen: a long command would
 *   push the whole question out of sight.
 *   It draws a character of Latin-1 for each byte, so muxguard's own signs are spelt out.
 * - All of them read options before the text.
 */
import { fewRows, HEADING } from "../screen/brief.ts";

/** In bytes, each of which may be drawn as a character. */
const WIDTH = 76;

/** @param question its first line, and those below it @param foot what is asked, and what else is ours */
export function dialogText([title = "", ...lines]: readonly string[], foot: readonly string[]): string {
  const text = [`${HEADING}${title}`, ...lines].map(safe);
  const rows = fewRows(text, WIDTH, Buffer.byteLength).map(latin); // with the sign that it puts
  return [...rows, "", ...foot.map(safe)].join("\n");
}

function safe(line: string): string {
  return latin(withoutMarkup(line));
}

/** As visible() would escape them: it leaves no backslash of the text's own. */
function withoutMarkup(line: string): string {
  return line.replaceAll("<", "\\x3c").replace(/&(?=[a-z#])/gi, "\\x26");
}

/** Without "<", which would begin a tag. */
function latin(text: string): string {
  return text.replaceAll(" ← ", ", by ").replaceAll("→", "->").replaceAll("…", "...");
}

/**
 * Makes the pictures of the README, `npm run pictures -- watch popup`: what is shown is drawn by
 * muxguard, tmux and dunst themselves, in a laboratory. Needs tmux; for the notification Xvfb, dunst and
 * ImageMagick too.
 */
import { messageOf } from "../../src/errors.ts";
import { drawNotification } from "./notification.ts";
import { drawPopup, drawWatch } from "./screens.ts";
import { drawSession } from "./session.ts";

const pictures = { watch: drawWatch, popup: drawPopup, session: drawSession, notification: drawNotification };
type Picture = keyof typeof pictures;

const all = Object.keys(pictures) as Picture[];
const named = process.argv.slice(2);
const unknown = named.find((name) => !all.includes(name as Picture));
try {
  if (unknown !== undefined) throw new Error(`no picture ${unknown}; there are ${all.join(", ")}`);
  for (const name of all) if (named.length === 0 || named.includes(name)) await pictures[name]();
} catch (error) {
  process.stderr.write(`pictures: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

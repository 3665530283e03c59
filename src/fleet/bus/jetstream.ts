/** What JetStream says when it does not do what it was asked for: in words that tell what to do. */
import { messageOf } from "../../errors.ts";
import { visible } from "../../policy/visible.ts";

/** Safe for a screen. */
export function explained(error: unknown): string {
  const said = visible(messageOf(error), 200);
  if (/insufficient (?:storage )?resources|no space left/.test(said))
    return `the server has no room for it (${said})`;
  // a server that met a full disk may have put JetStream off until it is started again
  if (/^timeout$|no responders|^503/i.test(said))
    return `JetStream does not answer (${said}): the server's log says why; is its disk full?`;
  return said;
}

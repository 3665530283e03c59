/**
 * The hosts over which ssh goes to another: `-J`, or ProxyJump of ssh_config, which each of them may have
 * again. ssh makes a ProxyCommand of the last one, `ssh -J REST -W HOST:PORT LAST`: main() of ssh.c.
 *
 * What a ProxyCommand of the user's own does can't be said.
 */
import type { SshConfig } from "../../identity/ssh/config.ts";
import type { PlainDestination } from "../../identity/ssh/plain-destination.ts";
import { formatHops, parseHop } from "../../identity/ssh/plain-words.ts";
import { visible } from "../../policy/visible.ts";

export interface JumpHost {
  destination: PlainDestination;
  config: SshConfig;
  /** Where it is told to connect to: `prod:22`. */
  next: string;
}

type ConfigOf = (destination: PlainDestination) => Promise<SshConfig>;

/** As many as ssh's own options may name. One that jumps over itself never ends. */
const MAX_HOPS = 16;

/**
 * In the order in which they are connected to.
 * @param config what ssh makes of the destination, its `-J` included
 * @throws Error for what can't be read, and for too many
 */
export async function jumpHosts(
  destination: PlainDestination,
  config: SshConfig,
  configOf: ConfigOf,
): Promise<JumpHost[]> {
  const found: JumpHost[] = [];
  let [host, at] = [destination.host, config];
  while (at.proxyJump !== undefined && at.proxyJump.toLowerCase() !== "none") {
    if (found.length >= MAX_HOPS) throw new Error(`${destination.host} is behind too many jump hosts`);
    const next = `${at.hostname}:${at.port}`;
    const last = lastOf(at.proxyJump, host);
    const itsConfig = await configOf(last);
    found.unshift({ destination: last, config: itsConfig, next });
    [host, at] = [last.host, itsConfig];
  }
  return found;
}

/** The one that is jumped from, with those before it as its own. */
function lastOf(jump: string, host: string): PlainDestination {
  const hops = jump.split(",").map(parseHop);
  const [last, rest] = [hops.at(-1), formatHops(hops.slice(0, -1))];
  if (!last || rest === undefined)
    throw new Error(`the jump hosts of ${host} can't be read: ${visible(jump, 200)}`);
  const { user, port } = last;
  return {
    host: last.host,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
    ...(rest !== "" && { jump: rest }),
  };
}

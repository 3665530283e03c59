/**
 * Where to, in plain words. It is all that a caller's command line may say about a connection that the guard
 * opens. What the words mean is up to the user's own ssh configuration.
 */

import { type Claims, parseUri } from "./command-line.ts";
import {
  formatHops,
  type Hop,
  isPlainHost,
  isPlainJump,
  isPlainUser,
  isPort,
  parseHop,
} from "./plain-words.ts";

export interface PlainDestination {
  /** As it was typed: a name or an alias. */
  host: string;
  user?: string;
  port?: number;
  /** `[user@]host[:port],…` without URIs, for `-J`; "none" to go without the configuration's ProxyJump. */
  jump?: string;
}

/** @returns why not, for claims that are not plain */
export function plainDestination({ host, user, port, jump }: Claims): PlainDestination | string {
  const hops = jump === undefined ? undefined : plainJump(jump);
  const number = port === undefined ? undefined : parsePort(port);
  if (!isPlainHost(host)) return "the host's name is not plain";
  if (user !== undefined && !isPlainUser(user)) return "the user's name is not plain";
  if (port !== undefined && number === undefined) return "the port is not a number from 1 to 65535";
  if (jump !== undefined && hops === undefined) return "the jump hosts are not plain";
  return {
    host,
    ...(user !== undefined && { user }),
    ...(number !== undefined && { port: number }),
    ...(hops !== undefined && { jump: hops }),
  };
}

/** For a destination that came over a socket, where its reader must not trust the writer. */
export function isPlainDestination({ host, user, port, jump }: PlainDestination): boolean {
  return (
    isPlainHost(host) &&
    (user === undefined || isPlainUser(user)) &&
    (port === undefined || isPort(port)) &&
    (jump === undefined || isPlainJump(jump))
  );
}

/** What says the same to ssh, but for the host. */
export function destinationOptions({ user, port, jump }: PlainDestination): string[] {
  return [
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", `${port}`]),
    ...(jump === undefined ? [] : ["-J", jump]),
  ];
}

/** Digits alone: what else strtonum(3) takes, and the names of services, no program writes. */
function parsePort(text: string): number | undefined {
  return /^[0-9]{1,5}$/.test(text) && isPort(Number(text)) ? Number(text) : undefined;
}

/** parse_jump() in readconf.c, without its comments. */
function plainJump(text: string): string | undefined {
  if (text.toLowerCase() === "none") return "none";
  const hops = text.split(",").map((hop) => (hop.startsWith("ssh://") ? uriHop(hop) : parseHop(hop)));
  const jump = formatHops(hops);
  return jump === "none" ? undefined : jump; // a host of that name, in a URI
}

function uriHop(text: string): Hop | undefined {
  const { host, user, port } = parseUri(text) ?? {};
  return host === undefined ? undefined : { host, user, port: port === undefined ? undefined : Number(port) };
}

/**
 * Which names of a caller's may be handed to ssh, and so to the user's own configuration of it.
 *
 * They are put into shell commands: a `Match exec`, a `ProxyCommand`, and the one that ssh makes of a jump
 * list. They are put into a path: ControlPath. So nothing gets through that a shell, a path or ssh's own %
 * expansion would read as more than a name. That is narrower than ssh_valid_hostname() and ssh_valid_ruser()
 * of readconf.c, and 9.2 doesn't use these for all of them.
 */

const plainHost = /^[A-Za-z0-9._:%][A-Za-z0-9._:%-]{0,254}$/;
const plainUser = /^[A-Za-z0-9_][A-Za-z0-9._@+:=-]{0,254}$/;

/** `[user@]host[:port]`; a `%` in it would be expanded, and a host with colons needs its brackets. */
const HOP_USER = /(?<user>[^,]+)@/.source;
const HOP_NAME = /(?<name>[A-Za-z0-9_][A-Za-z0-9._-]{0,254})/.source;
const HOP_ADDRESS = /\[(?<address>[0-9A-Fa-f:.]{2,45})\]/.source;
const HOP_PORT = /:(?<port>[0-9]*)/.source;
const jumpHop = new RegExp(`^(?:${HOP_USER})?(?:${HOP_NAME}|${HOP_ADDRESS})(?:${HOP_PORT})?$`);
const MAX_HOPS = 16;

export function isPlainHost(text: string): boolean {
  // "." and ".." are folders to a ControlPath with %h in it
  return plainHost.test(text) && !/^\.+$/.test(text);
}

export function isPlainUser(text: string): boolean {
  return plainUser.test(text);
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** `host`, or `[host]` where it has colons, with what belongs to it. */
export interface Hop {
  host: string;
  user?: string | undefined;
  port?: number | undefined;
}

/** @returns undefined for what is no plain `[user@]host[:port]` */
export function parseHop(text: string): Hop | undefined {
  const { user, name, address, port } = jumpHop.exec(text)?.groups ?? {};
  const host = name ?? address;
  return host === undefined ? undefined : { host, user, port: port ? Number(port) : undefined };
}

/** For the list that `formatHops` has made, or "none". */
export function isPlainJump(jump: string): boolean {
  return jump === "none" || formatHops(jump.split(",").map(parseHop)) === jump;
}

/** @returns undefined if any of them is undefined or not plain, and for too many */
export function formatHops(hops: (Hop | undefined)[]): string | undefined {
  const texts = hops.map((hop) => (hop === undefined ? undefined : formatHop(hop)));
  if (texts.length > MAX_HOPS || texts.some((text) => text === undefined)) return undefined;
  return texts.join(",");
}

/** @returns undefined if any of its names is not plain */
function formatHop({ host, user, port }: Hop): string | undefined {
  if (user !== undefined && !isPlainUser(user)) return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  const text = `${user === undefined ? "" : `${user}@`}${host.includes(":") ? `[${host}]` : host}`;
  return port === undefined ? text : `${text}:${port}`;
}

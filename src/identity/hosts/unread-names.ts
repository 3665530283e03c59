/** Names of a host on hashed lines of known_hosts, which no name at hand fits. */
import type { UnreadNames } from "../../policy/request.ts";
import {
  anyMatches,
  type HostName,
  type KnownHostsEntry,
  lineName,
  matches,
  SSH_PORT,
} from "./known-hosts.ts";

class Unread implements UnreadNames {
  readonly has: UnreadNames["has"];

  constructor(has: UnreadNames["has"]) {
    this.has = has;
  }

  /** It is for matching alone: no log and no other program gets it. */
  toJSON(): undefined {
    return undefined;
  }
}

/** For the names of rules: there are few. What was tried is kept. */
class HashedLines {
  readonly #lines: readonly KnownHostsEntry[];
  readonly #ports: readonly number[];
  readonly #tried = new Map<string, boolean>();

  constructor(lines: readonly KnownHostsEntry[], ports: readonly number[]) {
    this.#lines = lines;
    this.#ports = ports;
  }

  has(name: string): boolean {
    const known = this.#tried.get(name);
    if (known !== undefined) return known;
    const found = this.#ports.some((port) => anyMatches(this.#lines, lineName({ name, port })));
    this.#tried.set(name, found);
    return found;
  }
}

/** Those of hosts of which it is one. */
export function joined(hosts: readonly { unread?: UnreadNames }[]): UnreadNames | undefined {
  const all = hosts.flatMap(({ unread }) => unread ?? []);
  return all.length === 0 ? undefined : new Unread((name) => all.some((one) => one.has(name)));
}

/**
 * @param lines the hashed ones with the host's key
 * @param found the names that are known; their ports are those that a line may have
 */
export function unreadNames(
  lines: readonly KnownHostsEntry[],
  found: readonly HostName[],
): UnreadNames | undefined {
  const unread = lines.filter((line) => !found.some((name) => matches(line, lineName(name))));
  const ports = [...new Set([SSH_PORT, ...found.map(({ port }) => port)])];
  if (unread.length === 0) return undefined;
  const hashed = new HashedLines(unread, ports);
  return new Unread((name) => hashed.has(name));
}

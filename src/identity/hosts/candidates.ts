/** The names that a hashed line of known_hosts may be about: all that are at hand. */
import type { KnownHostsLines, NamingSources } from "./host-names.ts";
import { type HostName, lineName, literalNames, SSH_PORT } from "./known-hosts.ts";

export class Candidates {
  #made: { sources: NamingSources; names: readonly HostName[] } | undefined;

  /** What ssh_config and known_hosts spell out. The same list for the same content. */
  of(sources: NamingSources): readonly HostName[] {
    const made = this.#made;
    if (made?.sources.aliases === sources.aliases && sameLines(made.sources.lines, sources.lines))
      return made.names;
    const { aliases, lines } = sources;
    const own = [...aliases.aliases].map(({ name }) => ({ name, port: SSH_PORT }));
    const all = [...aliases.lookups, ...lines.flat().flatMap(literalNames), ...own];
    const names = [...new Map(all.map((one) => [lineName(one), one])).values()];
    this.#made = { sources, names };
    return names;
  }
}

function sameLines(one: KnownHostsLines, other: KnownHostsLines): boolean {
  return one.length === other.length && one.every((lines, index) => lines === other[index]);
}

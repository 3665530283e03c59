/** Which of a host's names is said first, and what it stands for. */
import type { Host } from "../../policy/request.ts";
import type { Alias } from "../ssh-config/aliases.ts";
import type { HostName } from "./known-hosts.ts";

export interface FoundNames {
  /** What is looked up in known_hosts. */
  proven: readonly HostName[];
  /** Of ssh_config, in its order. */
  aliases: readonly Alias[];
  /** What the typed name leads to, if that is one of the proven ones. */
  claimed?: HostName | undefined;
  /** As it was typed, in lower case. */
  typed?: string | undefined;
  /** Whether ssh_config alone leads it there: then it is an alias, too, one that fits a pattern. */
  leadsThere?: boolean | undefined;
}

type Named = Pick<Host, "names" | "address" | "port" | "ports">;

/**
 * The typed name if it is one that does not depend on what is typed, then the aliases, then the names of
 * known_hosts; addresses last.
 */
export function orderNames(found: FoundNames): Named {
  const { proven, aliases, typed, leadsThere } = found;
  const known = proven.map(({ name }) => name);
  const fixed = [...aliases.map(({ name }) => name), ...known];
  const typedFirst = typed !== undefined && fixed.includes(typed) && !isAddress(typed) ? [typed] : [];
  const byPattern = typed !== undefined && leadsThere ? [typed] : [];
  const all = [
    ...typedFirst,
    ...aliases.map(({ name }) => name),
    ...known.filter((name) => !isAddress(name)),
    ...byPattern,
    ...known.filter(isAddress),
  ];
  const names = [...new Set(all)];
  const [first] = names;
  const at = first === undefined ? undefined : placeOf(first, found);
  const lookups = [...proven, ...aliases.flatMap((alias) => alias.lookups)];
  const ports = [...new Set(lookups.map(({ port }) => port))];
  return {
    names,
    ...(at?.name !== undefined && at.name !== first && { address: at.name }),
    ...(at?.port !== undefined && { port: at.port }),
    ...(ports.length > 1 && { ports }),
  };
}

/** What a name stands for: host and port as known_hosts has them. The port is open where there are several. */
function placeOf(
  name: string,
  { proven, aliases, claimed, typed }: FoundNames,
): Partial<HostName> | undefined {
  if (claimed && (name === typed || name === claimed.name)) return claimed;
  const alias = aliases.find((one) => one.name === name);
  if (alias) return alias.lookups[0];
  const same = proven.filter((one) => one.name === name);
  return same.every(({ port }) => port === same[0]?.port) ? same[0] : { name };
}

/** For names from known_hosts alone. Node's isIP() takes 8 ms at its first use, to compile its patterns. */
function isAddress(name: string): boolean {
  return name.includes(":") || /^[\d.]+$/.test(name);
}

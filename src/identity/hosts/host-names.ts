/**
 * The names of a host that proved its key, the best of them first. They are a property of the key: all that
 * known_hosts has it under, and all aliases of ssh_config that lead to one of these.
 *
 * What the caller typed chooses which of them is said first. It also helps to find a name that no line spells
 * out: it leads through `ssh -G` to one name, which counts if known_hosts has the key under it.
 */
import type { Host } from "../../policy/request.ts";
import { fingerprint } from "../../wire/public-key.ts";
import type { SshDestination } from "../ssh/command-line.ts";
import type { SshConfig } from "../ssh/config.ts";
import type { Alias, AliasIndex } from "../ssh-config/aliases.ts";
import type { HashedNames } from "./hashed-names.ts";
import { HostKeyLookup, type ProvenName } from "./host-key-lookup.ts";
import { isLiteralName } from "./host-pattern.ts";
import { type HostName, type KnownHostsEntry, lineName, SSH_PORT } from "./known-hosts.ts";
import { orderNames } from "./name-order.ts";
import { unreadNames } from "./unread-names.ts";

export interface HostIdentity {
  /** Without names if none is proven. */
  host: Host;
  /** As in Destination. */
  how: string;
}

/** The lines of known_hosts files, one list for each file. */
export type KnownHostsLines = readonly (readonly KnownHostsEntry[])[];

export interface Claim {
  destination: SshDestination;
  /** What ssh makes of the destination. */
  config: SshConfig;
  /** Of the files that this config names: they are asked about the claimed name alone. */
  lines: KnownHostsLines;
}

export interface NamingSources {
  /** Of the files that hold for all hosts. */
  lines: KnownHostsLines;
  aliases: AliasIndex;
  claim?: Claim;
}

export interface Naming {
  identity: HostIdentity;
  /** The name that the claim led to, if it is proven. */
  claimed?: ProvenName;
  /** All that ssh finds the key under. */
  lookups: readonly HostName[];
  /** True if the key is on hashed lines, for which names have to be guessed. */
  hashed: boolean;
  /** As in HostKeyLookup. */
  staleAt: number;
}

/** What else there is to find names by. */
export interface Guessing {
  /** Names that a hashed line may be about. */
  guesses: Iterable<HostName>;
  hashed: Pick<HashedNames, "nameOf">;
}

export function nameHost(
  hostKey: Buffer,
  { lines, aliases, claim }: NamingSources,
  { guesses, hashed }: Guessing,
  now: Date,
): Naming {
  const lookup = new HostKeyLookup(lines.flat(), hostKey, now, hashed);
  const claimLookup = claim ? new HostKeyLookup(claim.lines.flat(), hostKey, now) : lookup;
  const lookups = [lookup, claimLookup];
  const revoked = lookups.some((one) => one.revoked);
  const claimed = claim && !revoked ? confirmClaim(claimLookup, claim) : undefined;
  const guessed = lookup.hasHashedLines
    ? [...guesses].flatMap((guess) => lookup.confirmHashed(guess) ?? [])
    : [];
  const proven = revoked ? [] : [...(claimed ? [claimed] : []), ...lookup.names(), ...guessed];
  const found = revoked ? [] : findAliases(lookup, aliases, proven);
  const names = orderNames({ proven, aliases: found, ...(claim && claimed && typedName(claim, claimed)) });
  const looked = [...proven, ...found.flatMap((alias) => alias.lookups)];
  const host = { ...names, ...lookedUp(looked) };
  const hashedLines = [...new Set(lookups.flatMap((one) => one.hashedLines))];
  const unread = revoked ? undefined : unreadNames(hashedLines, proven);
  Object.freeze(host.names); // kept, and handed out many times
  return {
    identity: {
      host: { ...host, hostKey: fingerprint(hostKey), ...(unread && { unread }) },
      how: revoked ? "host key revoked" : describe(proven, lookups),
    },
    ...(claimed && { claimed }),
    lookups: looked,
    hashed: lookup.hasHashedLines,
    staleAt: Math.min(...lookups.map((one) => one.staleAt)),
  };
}

/** The aliases for which ssh would accept the key. */
function findAliases(lookup: HostKeyLookup, aliases: AliasIndex, proven: readonly ProvenName[]): Alias[] {
  const names = new Set(proven.map(({ name }) => name));
  const asked = lookup.isOpen ? aliases.lookups : [...names].flatMap((name) => aliases.lookupsNamed(name));
  const known = new Set(proven.map(({ name, port }) => `${name} ${port}`));
  const isKnown = (one: HostName): boolean =>
    known.has(`${one.name} ${one.port}`) || lookup.confirmRead(one) !== undefined;
  return aliases.leadingTo(asked.filter(isKnown));
}

/** As lines have them; nothing for a host that has none. */
export function lookedUp(lookups: readonly HostName[]): Pick<Host, "lookups"> {
  return lookups.length === 0 ? {} : { lookups: [...new Set(lookups.map(lineName))] };
}

/** The name that ssh would look up for the destination: get_hostfile_hostname_ipaddr() of sshconnect.c. */
export function lookupOf({ port }: Pick<SshDestination, "port">, config: SshConfig): HostName {
  const { hostKeyAlias, hostname } = config;
  const name = (hostKeyAlias ?? hostname).toLowerCase();
  return { name, port: hostKeyAlias === undefined ? (port ?? config.port) : SSH_PORT };
}

function confirmClaim(lookup: HostKeyLookup, { destination, config }: Claim): ProvenName | undefined {
  const name = lookupOf(destination, config);
  return isLiteralName(name.name) ? lookup.confirm(name) : undefined;
}

/** With a port of its own on the command line, what was typed leads elsewhere than ssh_config has it. */
function typedName({ destination, config }: Claim, claimed: HostName) {
  const leadsThere = lookupOf({}, config).port === lookupOf(destination, config).port;
  return { claimed, typed: destination.host.toLowerCase(), leadsThere };
}

function describe(proven: readonly ProvenName[], lookups: readonly HostKeyLookup[]): string {
  if (proven.some(({ by }) => by === "certificate")) return "host certificate known";
  if (proven.length > 0) return "host key known";
  const fault = lookups.map((one) => one.certificateFault).find((one) => one !== undefined);
  if (fault !== undefined) return `host certificate: ${fault}`;
  return lookups.some((one) => one.known) ? "host key known, name unknown" : "unknown host key";
}

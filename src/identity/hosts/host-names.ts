/**
 * The names of a host that proved its key, the best of them first.
 *
 * What the caller typed leads through `ssh -G` to one name. It counts if known_hosts has the host's key under
 * it. Then the typed alias is one of the host's names as well.
 */
import type { Host } from "../../policy/request.ts";
import { fingerprint } from "../../wire/public-key.ts";
import type { SshDestination } from "../ssh/command-line.ts";
import type { SshConfig } from "../ssh/config.ts";
import { HostKeyLookup, type ProvenName } from "./host-key-lookup.ts";
import { isLiteralName } from "./host-pattern.ts";
import { type HostName, type KnownHostsEntry, SSH_PORT } from "./known-hosts.ts";

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
  claim?: Claim;
}

export interface Naming {
  identity: HostIdentity;
  /** The name that the claim led to, if it is proven. */
  claimed?: ProvenName;
  /** True if the key is on hashed lines, for which names have to be guessed. */
  hashed: boolean;
  /** As in HostKeyLookup. */
  staleAt: number;
}

/** @param guesses names that a hashed line may be about */
export function nameHost(
  hostKey: Buffer,
  { lines, claim }: NamingSources,
  guesses: Iterable<HostName>,
  now: Date,
): Naming {
  const lookup = new HostKeyLookup(lines.flat(), hostKey, now);
  const claimLookup = claim ? new HostKeyLookup(claim.lines.flat(), hostKey, now) : lookup;
  const lookups = [lookup, claimLookup];
  const revoked = lookups.some((one) => one.revoked);
  const claimed = claim && !revoked ? confirmClaim(claimLookup, claim) : undefined;
  const hashed = lookup.hasHashedLines;
  const guessed = hashed ? [...guesses].flatMap((guess) => lookup.confirmHashed(guess) ?? []) : [];
  const proven = revoked ? [] : [...(claimed ? [claimed] : []), ...lookup.names(), ...guessed];
  const names = nameList(proven, claimed && claim?.destination.host.toLowerCase());
  Object.freeze(names); // kept, and handed out many times
  const port = choosePort(proven, claimed);
  return {
    identity: {
      host: { names, ...(port !== undefined && { port }), hostKey: fingerprint(hostKey) },
      how: revoked ? "host key revoked" : describe(proven, lookups),
    },
    ...(claimed && { claimed }),
    hashed,
    staleAt: Math.min(...lookups.map((one) => one.staleAt)),
  };
}

/** The name that ssh would look up for the destination: get_hostfile_hostname_ipaddr() of sshconnect.c. */
function confirmClaim(lookup: HostKeyLookup, { destination, config }: Claim): ProvenName | undefined {
  const { hostKeyAlias, hostname } = config;
  const name = (hostKeyAlias ?? hostname).toLowerCase();
  const port = hostKeyAlias === undefined ? (destination.port ?? config.port) : SSH_PORT;
  return isLiteralName(name) ? lookup.confirm({ name, port }) : undefined;
}

/** The claimed name, then its alias; addresses last. */
function nameList(proven: readonly ProvenName[], alias: string | undefined): string[] {
  const [first, ...others] = proven.map(({ name }) => name);
  if (first === undefined) return [];
  if (alias !== undefined) return [...new Set([first, alias, ...others])];
  const names = [...new Set([first, ...others])];
  return [...names.filter((name) => !isAddress(name)), ...names.filter(isAddress)];
}

/** For names from known_hosts alone. Node's isIP() takes 8 ms at its first use, to compile its patterns. */
function isAddress(name: string): boolean {
  return name.includes(":") || /^[\d.]+$/.test(name);
}

/** The one port of all names; of several, the claimed name's. */
function choosePort(proven: readonly ProvenName[], claimed: ProvenName | undefined): number | undefined {
  const ports = new Set(proven.map(({ port }) => port));
  return ports.size === 1 ? proven[0]?.port : claimed?.port;
}

function describe(proven: readonly ProvenName[], lookups: readonly HostKeyLookup[]): string {
  if (proven.some(({ by }) => by === "certificate")) return "host certificate known";
  if (proven.length > 0) return "host key known";
  const fault = lookups.map((one) => one.certificateFault).find((one) => one !== undefined);
  if (fault !== undefined) return `host certificate: ${fault}`;
  return lookups.some((one) => one.known) ? "host key known, name unknown" : "unknown host key";
}

/**
 * Where a request goes to: from the session-binds of its connection to names that known_hosts proves.
 *
 * The caller's command line is about the first host that its ssh talks to. On a forwarded connection that is
 * the first hop, and not the host that is logged in to.
 */
import { basename } from "node:path";
import type { Caller, Destination, Host, Whereabouts } from "../policy/request.ts";
import { fingerprint } from "../wire/public-key.ts";
import type { SignedData } from "../wire/signed-data.ts";
import { FileStamps } from "./file-stamps.ts";
import { HostIdentifier, type HostIdentifierOptions } from "./hosts/host-identity.ts";
import type { HostIdentity } from "./hosts/host-names.ts";
import type { LoginCheck, SessionBindings } from "./session-bindings.ts";
import { type SshDestination, sshDestination } from "./ssh/command-line.ts";

export interface DestinationResolver {
  /** Looks up the names of a host that has proved its key: a login there will ask for them. */
  prepare?(hostKey: Buffer): void;
  /** @param signed what is to be signed, if anything is: only a login has a destination and a user */
  resolve(
    bindings: SessionBindings,
    signed: SignedData | undefined,
    caller: Pick<Caller, "exe" | "cmdline">,
  ): Promise<Whereabouts>;
  /** Where a list of keys is for: what was bound, before there is a login. */
  listedFor(
    bindings: SessionBindings,
    caller: Pick<Caller, "exe" | "cmdline">,
  ): Promise<Omit<Whereabouts, "user">>;
}

type Identify = (hostKey: Buffer, claim: SshDestination | undefined) => Promise<HostIdentity>;

export function createDestinationResolver(
  options: HostIdentifierOptions = {},
  hosts = new HostIdentifier(options),
): DestinationResolver {
  return {
    prepare(hostKey) {
      hosts.identify(hostKey).catch(() => {}); // the login hears of it
    },
    async listedFor(bindings, caller) {
      const identify = identifying(hosts);
      const { forwarded, boundHost: hostKey } = bindings;
      const claim = readClaim(caller);
      const path = await pathOf(bindings, claim, identify);
      if (!hostKey) return { path, forwarded };
      const check = { verified: true, hostKey, hops: bindings.hops } as const;
      return {
        destination: await resolveLogin(check, forwarded ? undefined : claim, identify),
        path,
        forwarded,
      };
    },
    async resolve(bindings, signed, caller) {
      const identify = identifying(hosts);
      const { forwarded } = bindings;
      const claim = readClaim(caller);
      const path = await pathOf(bindings, claim, identify);
      if (signed?.kind !== "userauth") return { path, forwarded };
      const destination = await resolveLogin(bindings.check(signed), forwarded ? undefined : claim, identify);
      return { destination, user: signed.user, path, forwarded };
    },
  };
}

function identifying(hosts: HostIdentifier): Identify {
  const stamps = new FileStamps();
  return (hostKey, claim) => hosts.identify(hostKey, claim, stamps);
}

async function pathOf(
  { hops, hasUnknownHops }: SessionBindings,
  claim: SshDestination | undefined,
  identify: Identify,
): Promise<Host[]> {
  const known = hops.length === 0 ? [] : await resolvePath(hops, claim, identify);
  return hasUnknownHops ? [...known, { names: [] }] : known;
}

function resolvePath(
  hops: readonly Buffer[],
  claim: SshDestination | undefined,
  identify: Identify,
): Promise<Host[]> {
  return Promise.all(
    hops.map(async (hostKey, index) => (await identify(hostKey, index === 0 ? claim : undefined)).host),
  );
}

async function resolveLogin(
  check: LoginCheck,
  claim: SshDestination | undefined,
  identify: Identify,
): Promise<Destination> {
  const claimed = claim && { claimed: claim.host };
  if (!check.verified) {
    const hostKey = check.hostKey && { hostKey: fingerprint(check.hostKey) };
    return { names: [], ...hostKey, verified: false, how: check.reason, ...claimed };
  }
  const { host, how } = await identify(check.hostKey, claim);
  return { ...host, verified: host.names.length > 0, how, ...claimed };
}

/**
 * Only ssh's own command line is understood. Its executable is the kernel's word, the command line the
 * caller's.
 */
function readClaim({ exe, cmdline }: Pick<Caller, "exe" | "cmdline">): SshDestination | undefined {
  return isOpenSsh(exe) ? sshDestination(cmdline) : undefined;
}

/** Whether the executable is OpenSSH's client, by its name. */
export function isOpenSsh(exe: string | undefined): boolean {
  return exe !== undefined && basename(exe) === "ssh";
}

/**
 * From a proven host key to the host's names, fast. What was read, and what follows from it, is kept for as
 * long as the files stay the same. Their stamps are compared at each use.
 */
import type { Host } from "../../policy/request.ts";
import { fingerprint } from "../../wire/public-key.ts";
import { BoundedMap } from "../bounded-map.ts";
import { FileStamps } from "../file-stamps.ts";
import { inSlices } from "../slices.ts";
import type { SshDestination } from "../ssh/command-line.ts";
import type { SshConfig } from "../ssh/config.ts";
import { SshConfigs } from "../ssh/configs.ts";
import { NO_HOST } from "../ssh/print-config.ts";
import { Aliases } from "../ssh-config/aliases.ts";
import { keepReady } from "../ssh-config/ready.ts";
import { Candidates } from "./candidates.ts";
import { HashedNames } from "./hashed-names.ts";
import { HostKeyLookup } from "./host-key-lookup.ts";
import {
  type HostIdentity,
  type KnownHostsLines,
  lookedUp,
  lookupOf,
  type Naming,
  type NamingSources,
  nameHost,
} from "./host-names.ts";
import { type HostName, keysOf } from "./known-hosts.ts";
import { KnownHostsCommands } from "./known-hosts-command.ts";
import { KnownHostsFiles } from "./known-hosts-files.ts";
import { orderNames } from "./name-order.ts";
import { joined } from "./unread-names.ts";

const CACHE_SIZE = 256;
const MAX_GUESSES = 256;

interface Kept {
  naming: Naming;
  sources: NamingSources;
  madeAt: number;
  /** How many names there were to guess from. */
  guesses: number;
}

export interface HostIdentifierOptions {
  /** For `ssh -G -F`. */
  sshConfig?: string;
  /** For the validity of certificates. */
  now?: () => Date;
}

export class HostIdentifier {
  readonly #configs: SshConfigs;
  readonly #files = new KnownHostsFiles();
  readonly #aliases: Aliases;
  readonly #hashed = new HashedNames();
  readonly #candidates = new Candidates();
  readonly #commands = new KnownHostsCommands();
  readonly #now: () => Date;
  readonly #kept = new BoundedMap<string, Kept>(CACHE_SIZE);
  /** Names that were proven before: a hashed line may be about one of them. */
  readonly #guesses = new BoundedMap<string, HostName>(MAX_GUESSES);
  #guessesMade = 0;
  /** Ends what keepReady() began. */
  #ready: (() => void) | undefined;

  constructor(
    { sshConfig, now = () => new Date() }: HostIdentifierOptions,
    configs = new SshConfigs(sshConfig === undefined ? {} : { file: sshConfig }),
  ) {
    this.#configs = configs;
    this.#aliases = new Aliases(configs.files);
    this.#now = now;
  }

  /**
   * @param hostKey a key blob that the host has proven
   * @param destination what the caller's command line says about this host
   * @param stamps shared by the hosts of one request
   */
  async identify(
    hostKey: Buffer,
    destination?: SshDestination,
    stamps = new FileStamps(),
  ): Promise<HostIdentity> {
    const [general, config, aliases] = await Promise.all([
      this.#configs.read(NO_HOST, stamps),
      destination && this.#configs.read(destination.host, stamps),
      this.#aliases.index(stamps),
    ]);
    if (!general) return { host: { names: [], hostKey: fingerprint(hostKey) }, how: "ssh config unreadable" };
    const sources: NamingSources = { lines: this.#readLines(general, stamps), aliases };
    if (destination && config)
      sources.claim = {
        destination,
        config,
        lines: await this.#claimLines(hostKey, destination, config, stamps),
      };
    return (await this.#name(hostKey, sources)).identity;
  }

  /**
   * A host that proves no key, by what ssh looks up in known_hosts for it: ssh checks that it has one of the
   * keys there. It has all names of these keys, and all aliases that lead to the same.
   * @param config what ssh makes of the destination
   */
  async named(to: SshDestination, config: SshConfig, stamps = new FileStamps()): Promise<Host> {
    const [general, aliases] = await Promise.all([
      this.#configs.read(NO_HOST, stamps),
      this.#aliases.index(stamps),
    ]);
    const claimed = lookupOf({}, config);
    const keys = await inSlices(keysOf(claimed, this.#readLines(config, stamps).flat()));
    const lines = general ? this.#readLines(general, stamps) : [];
    const namings = await Promise.all(keys.map((key) => this.#name(key, { lines, aliases })));
    const proven = [claimed, ...namings.flatMap(({ lookups }) => lookups)];
    const typed = { claimed, typed: to.host.toLowerCase(), leadsThere: to.port === undefined };
    const unread = joined(namings.map(({ identity }) => identity.host));
    const names = orderNames({ proven, aliases: aliases.leadingTo(proven), ...typed });
    const hostKeys = keys.map(fingerprint);
    return {
      ...names,
      ...lookedUp(proven),
      ...(hostKeys.length > 0 && { hostKeys }),
      ...(unread && { unread }),
    };
  }

  /** From now on, until close(), what requests need is made ready before they come. */
  keepReady(): void {
    this.#ready ??= keepReady(this.#configs.files, () =>
      Promise.all([this.#configs.read(NO_HOST), this.#aliases.index()]),
    );
  }

  close(): void {
    this.#ready?.();
  }

  async #claimLines(
    hostKey: Buffer,
    destination: SshDestination,
    config: SshConfig,
    stamps: FileStamps,
  ): Promise<KnownHostsLines> {
    const printed = await this.#commands.ask(hostKey, destination, config);
    return [...this.#readLines(config, stamps), printed];
  }

  #readLines({ userKnownHostsFiles, globalKnownHostsFiles }: SshConfig, stamps: FileStamps): KnownHostsLines {
    return [...userKnownHostsFiles, ...globalKnownHostsFiles].map((path) => this.#files.read(path, stamps));
  }

  async #name(hostKey: Buffer, sources: NamingSources): Promise<Naming> {
    const { host = "", port = "" } = sources.claim?.destination ?? {};
    const key = `${host} ${port} ${hostKey.toString("latin1")}`;
    const kept = this.#kept.get(key);
    if (kept && this.#holds(kept, sources)) return kept.naming;
    const now = this.#now();
    const { hashedLines } = new HostKeyLookup(sources.lines.flat(), hostKey, now);
    if (hashedLines.length > 0) await this.#hashed.solve(hashedLines, this.#candidates.of(sources));
    const guessing = { guesses: this.#guesses.values(), hashed: this.#hashed };
    const naming = nameHost(hostKey, sources, guessing, now);
    this.#kept.set(key, { naming, sources, madeAt: now.getTime(), guesses: this.#guessesMade });
    if (naming.claimed) this.#keepGuess(naming.claimed);
    return naming;
  }

  #holds({ naming, sources, madeAt, guesses }: Kept, current: NamingSources): boolean {
    if (!sameSources(sources, current)) return false;
    if (naming.hashed && guesses !== this.#guessesMade) return false;
    if (naming.staleAt === Number.POSITIVE_INFINITY) return true;
    const now = this.#now().getTime();
    return madeAt <= now && now < naming.staleAt;
  }

  #keepGuess({ name, port }: HostName): void {
    const key = `${name} ${port}`;
    if (this.#guesses.get(key)) return;
    this.#guesses.set(key, { name, port });
    this.#guessesMade++;
  }
}

function sameSources(one: NamingSources, other: NamingSources): boolean {
  return (
    one.aliases === other.aliases &&
    one.claim?.config === other.claim?.config &&
    sameLines(one.lines, other.lines) &&
    sameLines(one.claim?.lines ?? [], other.claim?.lines ?? [])
  );
}

/** KnownHostsFiles gives the same list for the same content. */
function sameLines(one: KnownHostsLines, other: KnownHostsLines): boolean {
  return one.length === other.length && one.every((lines, index) => lines === other[index]);
}

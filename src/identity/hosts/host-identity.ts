/**
 * From a proven host key to the host's names, fast. What was read, and what follows from it, is kept for as
 * long as the files stay the same. Their stamps are compared at each use.
 */
import { fingerprint } from "../../wire/public-key.ts";
import { BoundedMap } from "../bounded-map.ts";
import { FileStamps } from "../file-stamps.ts";
import type { SshDestination } from "../ssh/command-line.ts";
import type { SshConfig } from "../ssh/config.ts";
import { SshConfigs } from "../ssh/configs.ts";
import { NO_HOST } from "../ssh/print-config.ts";
import {
  type HostIdentity,
  type KnownHostsLines,
  type Naming,
  type NamingSources,
  nameHost,
} from "./host-names.ts";
import type { HostName } from "./known-hosts.ts";
import { KnownHostsFiles } from "./known-hosts-files.ts";

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
  readonly #now: () => Date;
  readonly #kept = new BoundedMap<string, Kept>(CACHE_SIZE);
  /** Names that were proven before: a hashed line may be about one of them. */
  readonly #guesses = new BoundedMap<string, HostName>(MAX_GUESSES);
  #guessesMade = 0;

  constructor(
    { sshConfig, now = () => new Date() }: HostIdentifierOptions,
    configs = new SshConfigs(sshConfig === undefined ? {} : { file: sshConfig }),
  ) {
    this.#configs = configs;
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
    const [general, config] = await Promise.all([
      this.#configs.read(NO_HOST, stamps),
      destination && this.#configs.read(destination.host, stamps),
    ]);
    if (!general) return { host: { names: [], hostKey: fingerprint(hostKey) }, how: "ssh config unreadable" };
    const sources: NamingSources = { lines: this.#readLines(general, stamps) };
    if (destination && config)
      sources.claim = { destination, config, lines: this.#readLines(config, stamps) };
    return this.#name(hostKey, sources).identity;
  }

  #readLines({ userKnownHostsFiles, globalKnownHostsFiles }: SshConfig, stamps: FileStamps): KnownHostsLines {
    return [...userKnownHostsFiles, ...globalKnownHostsFiles].map((path) => this.#files.read(path, stamps));
  }

  #name(hostKey: Buffer, sources: NamingSources): Naming {
    const { host = "", port = "" } = sources.claim?.destination ?? {};
    const key = `${host} ${port} ${hostKey.toString("latin1")}`;
    const kept = this.#kept.get(key);
    if (kept && this.#holds(kept, sources)) return kept.naming;
    const now = this.#now();
    const naming = nameHost(hostKey, sources, this.#guesses.values(), now);
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
    one.claim?.config === other.claim?.config &&
    sameLines(one.lines, other.lines) &&
    sameLines(one.claim?.lines ?? [], other.claim?.lines ?? [])
  );
}

/** KnownHostsFiles gives the same list for the same content. */
function sameLines(one: KnownHostsLines, other: KnownHostsLines): boolean {
  return one.length === other.length && one.every((lines, index) => lines === other[index]);
}

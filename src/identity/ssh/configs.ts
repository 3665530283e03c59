/**
 * The configuration of each destination that is asked about. It is kept for a minute, and for as long as the
 * files of ssh_config(5) stay the same: starting ssh for each request would take longer than all the rest.
 */
import { BoundedMap } from "../bounded-map.ts";
import { FileStamps } from "../file-stamps.ts";
import { ConfigFiles } from "../ssh-config/config-files.ts";
import { parseSshConfig, type SshConfig } from "./config.ts";
import { isPlainDestination, type PlainDestination } from "./plain-destination.ts";
import { printConfig } from "./print-config.ts";

const CACHE_SIZE = 256;
/** In milliseconds. What a `Match exec` or the DNS says may change, and nothing here shows it. */
const LIFETIME = 60_000;
/** In milliseconds. Long enough that a configuration that hangs doesn't hold up every request. */
const LIFETIME_OF_FAILURE = 5_000;
const TIMEOUT = 5_000;

interface Cached {
  stamp: string;
  expires: number;
  config: Promise<SshConfig | undefined>;
}

export interface SshConfigsOptions {
  /** For `ssh -F`, which then reads no other file. */
  file?: string;
  /** A clock that doesn't jump, in milliseconds. */
  now?: () => number;
  /** For the whole of ssh's reading, in milliseconds. */
  timeout?: number;
}

export class SshConfigs {
  readonly files: ConfigFiles;
  readonly #cache = new BoundedMap<string, Cached>(CACHE_SIZE);
  readonly #file: string | undefined;
  readonly #now: () => number;
  readonly #timeout: number;

  constructor({ file, now = () => performance.now(), timeout = TIMEOUT }: SshConfigsOptions = {}) {
    this.#file = file;
    this.files = new ConfigFiles(file);
    this.#now = now;
    this.#timeout = timeout;
  }

  /** As `readDestination` does. */
  read(host: string, stamps = new FileStamps()): Promise<SshConfig | undefined> {
    return this.readDestination({ host }, stamps);
  }

  /**
   * The same object for as long as the answer is kept.
   * @returns undefined for a destination that is not plain, and for whatever ssh can't answer in time
   */
  async readDestination(to: PlainDestination, stamps = new FileStamps()): Promise<SshConfig | undefined> {
    if (!isPlainDestination(to)) return undefined;
    const key = [to.host, to.user, to.port, to.jump].join(" ");
    const { stamp } = await this.files.current(stamps);
    const cached = this.#cache.get(key);
    if (cached?.stamp === stamp && this.#now() < cached.expires) return cached.config;
    const config = this.#ask(to);
    const entry: Cached = { stamp, expires: Number.POSITIVE_INFINITY, config };
    this.#cache.set(key, entry);
    config
      .catch(() => undefined) // for whoever waits for it to tell; not kept for longer than a failure
      .then((answer) => {
        entry.expires = this.#now() + (answer ? LIFETIME : LIFETIME_OF_FAILURE);
      });
    return config;
  }

  /** Never rejects. */
  async #ask(to: PlainDestination): Promise<SshConfig | undefined> {
    const output = await printConfig(to, { file: this.#file, timeout: this.#timeout });
    return output === undefined ? undefined : parseSshConfig(output);
  }
}

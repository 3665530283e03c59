/**
 * Which keys were used to log in to a host, the last one first: servers stop after six tries (MaxAuthTries of
 * sshd_config), and an agent may hold more keys than that.
 */
const [MAX_HOSTS, MAX_KEYS] = [1024, 16];

export class UsedKeys {
  /** Fingerprints, by that of the host key. */
  readonly #byHost = new Map<string, readonly string[]>();

  add(hostKey: string, key: string): void {
    const others = this.of(hostKey).filter((other) => other !== key);
    this.#byHost.delete(hostKey);
    this.#byHost.set(hostKey, [key, ...others].slice(0, MAX_KEYS));
    const [oldest] = this.#byHost.keys();
    if (oldest !== undefined && this.#byHost.size > MAX_HOSTS) this.#byHost.delete(oldest);
  }

  of(hostKey: string): readonly string[] {
    return this.#byHost.get(hostKey) ?? [];
  }
}

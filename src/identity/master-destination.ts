/**
 * Where a control master's connection leads.
 *
 * Best is the host key that was proven to the guarded agent when the master logged in. A login with a
 * password or a key file proves none. Then the ssh configuration says what the name means, and ssh has
 * checked the host key unless it was told not to. That is good enough where nothing on the master's command
 * line could lead it elsewhere.
 */
import type { Destination, Whereabouts } from "../policy/request.ts";
import type { HostIdentifier } from "./hosts/host-identity.ts";
import type { Login } from "./logins.ts";
import type { SshConfig } from "./ssh/config.ts";
import type { SshConfigs } from "./ssh/configs.ts";
import type { PlainDestination } from "./ssh/plain-destination.ts";

export interface MasterOrigin {
  login?: Login;
  /** What it was told to connect to. */
  destination?: PlainDestination;
  /** Whether nothing but the destination and the user's ssh configuration decided where that leads. */
  plain: boolean;
}

export class MasterDestinations {
  readonly #configs: SshConfigs;
  readonly #hosts: HostIdentifier;

  constructor(configs: SshConfigs, hosts: HostIdentifier) {
    this.#configs = configs;
    this.#hosts = hosts;
  }

  /** What ssh makes of the destination; undefined for one that is not plain, and where ssh can't say. */
  config(destination: PlainDestination): Promise<SshConfig | undefined> {
    return this.#configs.readDestination(destination);
  }

  async resolve({ login, destination, plain }: MasterOrigin): Promise<Whereabouts> {
    const config = destination && (await this.config(destination));
    const user = login?.user ?? (plain ? config?.user : undefined);
    return {
      destination: await this.#destination(login, destination, plain ? config : undefined),
      ...(user !== undefined && user !== "" && { user }),
      path: [],
      forwarded: false,
    };
  }

  async #destination(
    login: Login | undefined,
    to: PlainDestination | undefined,
    config: SshConfig | undefined,
  ): Promise<Destination> {
    const claimed = to && { claimed: to.host };
    if (login) {
      const { host, how } = await this.#hosts.identify(login.hostKey, to);
      return { ...host, verified: host.names.length > 0, how, ...claimed };
    }
    if (to && config) return this.configured(to, config);
    return { names: [], verified: false, how: "nothing proves where this connection leads", ...claimed };
  }

  /** By the name that ssh looks up in known_hosts: ssh checks that the host has its key. */
  async configured(to: PlainDestination, config: SshConfig): Promise<Destination> {
    const { strictHostKeyChecking } = config;
    // a first key that comes over a host of the caller's choice proves nothing
    const unchecked =
      strictHostKeyChecking === "no" || (strictHostKeyChecking === "accept-new" && to.jump !== undefined);
    if (unchecked)
      return { names: [], verified: false, how: "ssh is told not to check the host key", claimed: to.host };
    const host = await this.#hosts.named(to, config);
    return { ...host, verified: true, how: "host key checked by ssh", claimed: to.host };
  }
}

/** This machine in a fleet: what a guard has of it where config.toml has a [fleet]. */
import type { FleetConfig } from "../settings/fleet/config.ts";
import { Bus } from "./bus/bus.ts";
import { machineName } from "./subjects.ts";

/** What `muxguard status` says of it. */
export interface FleetState {
  machine: string;
  /** Addresses of the bus. */
  servers: string[];
  /** Why nothing goes over it now. Safe for a screen. */
  fault?: string;
}

/** The guard, for a member. */
export interface MemberParts {
  /** Tells what is wrong with it, and that nothing is any more. */
  changed(fault: string | undefined): void;
}

export class Member {
  readonly #config: FleetConfig;
  readonly #bus: Bus;
  #parts: MemberParts | undefined;

  constructor(config: FleetConfig) {
    this.#config = config;
    const { machine, servers, tls, credentials } = config;
    const changed = (fault: string | undefined): void => this.#parts?.changed(fault);
    this.#bus = new Bus({ name: machineName(machine), servers, tls, credentials, changed });
  }

  /** Connects for this guard, and does not wait for it. */
  start(parts: MemberParts): void {
    this.#parts = parts;
    this.#bus.start();
  }

  get state(): FleetState {
    const { machine, servers } = this.#config;
    const { fault } = this.#bus;
    return { machine, servers: [...servers], ...(fault !== undefined && { fault }) };
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}

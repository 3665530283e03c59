/** This machine in a fleet: what a guard has of it where config.toml has a [fleet]. */
import type { Approver } from "../approver/approver.ts";
import type { FleetConfig } from "../settings/fleet/config.ts";
import { FleetApprover } from "./asking/approver.ts";
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
  /** Tells of what came over the bus, and does not count. */
  refused(reason: string): void;
}

export interface MemberOptions {
  config: FleetConfig;
  /** Of this guard's own, private. */
  folder: string;
  /** Of this process. */
  environment: NodeJS.ProcessEnv;
}

export class Member {
  readonly #config: FleetConfig;
  readonly #bus: Bus;
  readonly #approver: FleetApprover;
  #parts: MemberParts | undefined;

  constructor({ config, folder, environment }: MemberOptions) {
    this.#config = config;
    const { machine, servers, tls, credentials } = config;
    const changed = (fault: string | undefined): void => {
      this.#parts?.changed(fault);
      // those who look may have missed some
      if (fault === undefined) this.#approver.sayAgain();
    };
    this.#bus = new Bus({ name: machineName(machine), servers, tls, credentials, changed });
    const refused = (reason: string): void => this.#parts?.refused(reason);
    this.#approver = new FleetApprover({
      config,
      bus: this.#bus,
      refused,
      verifying: { folder, environment },
    });
  }

  /** Connects for this guard, and does not wait for it. */
  start(parts: MemberParts): void {
    this.#parts = parts;
    this.#bus.start();
  }

  get approver(): Approver {
    return this.#approver;
  }

  get state(): FleetState {
    const { machine, servers } = this.#config;
    const { fault } = this.#bus;
    return { machine, servers: [...servers], ...(fault !== undefined && { fault }) };
  }

  close(): Promise<void> {
    this.#approver.close();
    return this.#bus.close();
  }
}

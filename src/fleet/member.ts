/** This machine in a fleet: what a guard has of it where config.toml has a [fleet]. */
import type { Approver } from "../approver/approver.ts";
import { attempt } from "../attempt.ts";
import type { Policy, Rule } from "../policy/policy.ts";
import type { FleetConfig } from "../settings/fleet/config.ts";
import { FleetApprover } from "./asking/approver.ts";
import { Bus } from "./bus/bus.ts";
import { Outbox } from "./log/outbox.ts";
import { followBucket } from "./policy/bucket.ts";
import { FleetPolicy } from "./policy/fleet-policy.ts";
import { machineName } from "./subjects.ts";

/** What `muxguard status` says of it. */
export interface FleetState {
  machine: string;
  /** Addresses of the bus. */
  servers: string[];
  /** Why nothing goes over it now. Safe for a screen. */
  fault?: string;
  /** What the fleet says to all machines, in a few words. Safe for a screen. */
  policy?: string;
}

/** The guard, for a member. */
export interface MemberParts {
  /** Tells what is wrong with it, and that nothing is any more. */
  changed(fault: string | undefined): void;
  /** Tells of an answer, or of a policy, that came over the bus and does not count. */
  refused(what: "answer-fleet" | "fleet-policy", reason: string): void;
  /** Writes down what counts from now on. @throws Error if it can't */
  taken(what: string, isStricter: boolean): void;
  /** Forgets what was allowed before something was revoked. */
  revoked(): void;
}

export interface MemberOptions {
  config: FleetConfig;
  /** Of this guard's own, private. */
  folder: string;
  /** Where the policy is kept that counted last. */
  policyFile: string;
  /** This machine's log, and where is kept how far the fleet has it. */
  log: string;
  logPlace: string;
  /** Of this process. */
  environment: NodeJS.ProcessEnv;
  /** Whether it joins the others; else it goes by what they said last. */
  isOnBus: boolean;
}

export class Member {
  readonly #config: FleetConfig;
  readonly #bus: Bus;
  readonly #approver: FleetApprover;
  readonly #policy: FleetPolicy;
  readonly #outbox: Outbox;
  readonly #isOnBus: boolean;
  /** By what is wrong. */
  readonly #faults = new Map<"bus" | "policy" | "log", string>();
  #parts: MemberParts | undefined;
  #isClosing = false;
  #loaded: Promise<void> = Promise.resolve();
  /** What was revoked since the start, until somebody ends what was made with it. */
  #revoked: Rule[] = [];
  #endRevoked: ((rules: readonly Rule[]) => void) | undefined;

  constructor({ config, folder, policyFile, log, logPlace: place, environment, isOnBus }: MemberOptions) {
    this.#isOnBus = isOnBus;
    this.#config = config;
    const { machine, servers, tls, credentials } = config;
    const changed = (fault: string | undefined): void => {
      this.#faults.clear();
      this.#set("bus", fault);
      this.#tell();
      if (fault === undefined) this.#connected();
    };
    this.#bus = new Bus({ name: machineName(machine), servers, tls, credentials, changed });
    const verifying = { folder, environment };
    this.#policy = new FleetPolicy({
      ...{ config, verifying, path: policyFile },
      refused: (reason) => this.#parts?.refused("fleet-policy", reason),
      taken: (what, isStricter) => this.#parts?.taken(what, isStricter),
      revoked: (rules) => {
        this.#parts?.revoked();
        if (this.#endRevoked) this.#endRevoked(rules);
        else this.#revoked.push(...rules);
      },
    });
    this.#approver = new FleetApprover({
      ...{ config, verifying, bus: this.#bus },
      refused: (reason) => this.#parts?.refused("answer-fleet", reason),
      isRevoked: (what, name) => this.#policy.isRevoked(what, name),
    });
    this.#outbox = new Outbox({ config, log, place, environment });
    // what is wrong there is told once the bus is there
    if (isOnBus) attempt(() => this.#outbox.begin());
  }

  /** Resolves once what counted last is verified again. For before anything is decided. Never rejects. */
  load(): Promise<void> {
    return this.#loaded;
  }

  /** A policy with what the fleet says of it. */
  merge(own: Policy | Promise<Policy>): Policy | Promise<Policy> {
    return own instanceof Promise ? own.then((one) => this.#policy.merge(one)) : this.#policy.merge(own);
  }

  /** @param end ends what was made with something that is revoked. What came before is told at once */
  whenRevoked(end: (rules: readonly Rule[]) => void): void {
    this.#endRevoked = end;
    if (this.#revoked.length > 0) end(this.#revoked);
    this.#revoked = [];
  }

  #connected(): void {
    // those who look may have missed some
    this.#approver.sayAgain();
    const { connection } = this.#bus;
    if (!connection) return;
    const failed = (what: "policy" | "log") => (reason: string | undefined) => {
      if (this.#bus.connection !== connection || this.#faults.get(what) === reason) return;
      this.#set(what, reason);
      this.#tell();
    };
    // neither rejects
    const heard = (place: string, data: Uint8Array): boolean =>
      this.#isClosing || this.#policy.heard(place, data);
    void followBucket(connection, heard, failed("policy"));
    void this.#outbox.follow(connection, failed("log"));
  }

  #set(what: "bus" | "policy" | "log", fault: string | undefined): void {
    if (fault === undefined) this.#faults.delete(what);
    else this.#faults.set(what, fault);
  }

  #tell(): void {
    const all = [...this.#faults.values()];
    this.#parts?.changed(all.length === 0 ? undefined : all.join("; "));
  }

  /**
   * Connects for this guard, and does not wait for it. Nothing is heard before what was kept is verified: the bus may
   * say again what a key has signed that is revoked.
   */
  start(parts: MemberParts): void {
    this.#parts = parts;
    this.#loaded = this.#policy.load().then(() => {
      if (this.#isOnBus && !this.#isClosing) this.#bus.start();
    });
  }

  get approver(): Approver {
    return this.#approver;
  }

  get state(): FleetState {
    const { machine, servers } = this.#config;
    const { fault } = this.#bus;
    const { described: policy } = this.#policy;
    return {
      ...{ machine, servers: [...servers] },
      ...(fault !== undefined && { fault }),
      ...(policy !== undefined && { policy }),
    };
  }

  /** Asks nobody any more, and takes up nothing new. The log goes on to the others until end(). */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#approver.close();
  }

  /** For when the guard's last entry is in its log: what the others do not have yet is sent. Never rejects. */
  async end(): Promise<void> {
    await this.#outbox.finish();
    await this.#bus.close();
  }
}

/**
 * The fleet's policy on this machine: what came over the bus, verified, kept, and put before the machine's own. What
 * does not count changes nothing, and is told of.
 */
import { messageOf } from "../../errors.ts";
import type { Policy, Rule } from "../../policy/policy.ts";
import { visible } from "../../policy/visible.ts";
import type { FleetConfig } from "../../settings/fleet/config.ts";
import { rulesOf } from "../../settings/policy-files.ts";
import { checkSettings } from "../../settings/toml-file.ts";
import { Line } from "../asking/line.ts";
import type { VerifyOptions } from "../signed/keygen.ts";
import { Entries, type Good } from "./entries.ts";
import {
  type Entry,
  keyOf,
  MAX_AHEAD,
  parseEntry,
  parseStatement,
  revokes,
  type Statement,
} from "./entry.ts";
import { keep, readKept } from "./kept.ts";
import { isCalled, mergePolicy, revokedRule } from "./merged.ts";
import { verifyEntry } from "./signed-entry.ts";

/** Entries that wait to be verified. */
const MAX_WAITING = 64;
/** After what time it is tried again what the log or the disk did not take, in milliseconds. */
const AGAIN = 5000;

export interface FleetPolicyParts {
  config: Pick<FleetConfig, "machine" | "signers" | "policy">;
  /** Where the last good entries are kept. */
  path: string;
  verifying: Pick<VerifyOptions, "folder" | "environment">;
  /** Tells of what does not count. */
  refused(reason: string): void;
  /**
   * Tells of what counts from now on: in the log, before it does. What makes things stricter counts already.
   * @throws Error if the log can't be written; not for what makes things stricter
   */
  taken(what: string, isStricter: boolean): void;
  /** Called with the rules of what was revoked. */
  revoked(rules: readonly Rule[]): void;
}

export class FleetPolicy {
  readonly #parts: FleetPolicyParts;
  readonly #entries = new Entries();
  /** One after the other: what a key has signed before it was revoked counts. */
  readonly #line = new Line(MAX_WAITING, 1);
  /** What is tried again. */
  readonly #again = new Set<string>();
  #merged = new WeakMap<Policy, { policy: Policy; isExpired: boolean }>();

  constructor(parts: FleetPolicyParts) {
    this.#parts = parts;
  }

  /**
   * What was kept, verified again but for what is revoked: that holds as it is. For before anything is heard. Never
   * rejects: what can't be verified leaves it in doubt, and then all is asked.
   */
  async load(): Promise<void> {
    try {
      for (const entry of readKept(this.#parts.path)) await this.#recall(entry);
    } catch (error) {
      this.#doubt(messageOf(error));
    }
  }

  /**
   * What came over the bus.
   * @param place where it was
   * @returns whether there was room for it
   */
  heard(place: string, data: Uint8Array): boolean {
    const entry = parseEntry(data);
    const said = entry && parseStatement(entry.signed);
    if (!entry || !said) this.#refuse("what came is none");
    else if (keyOf(said) !== place) this.#refuse("it is in the place of another");
    else return this.#entries.isKnown(entry) || this.#line.add(() => this.#take(entry, said));
    return true;
  }

  /** With the machine's own, as it is now. The same for the same one, while nothing changes. */
  merge(own: Policy): Policy {
    if (this.#entries.isEmpty) return own;
    const { isExpired } = this;
    const known = this.#merged.get(own);
    if (known?.isExpired === isExpired) return known.policy;
    const policy = mergePolicy(own, this.#entries.rules(isExpired), this.#parts.config.policy);
    this.#merged.set(own, { policy, isExpired });
    return policy;
  }

  get isExpired(): boolean {
    const policy = this.#entries.policy?.said;
    return policy?.kind === "policy" && Date.parse(policy.expires) <= Date.now();
  }

  /** In a few words; undefined where there is none. Safe for a screen. */
  get described(): string | undefined {
    const { isDoubtful, policy, revoked } = this.#entries;
    const { machine } = this.#parts.config;
    if (isDoubtful) return "what was kept of it can't be verified: all is asked";
    const parts = [
      ...(policy?.said.kind === "policy"
        ? [
            `number ${policy.said.sequence} by ${policy.entry.by}, ${counted(policy.rules.length)}`,
            this.isExpired
              ? "it has run out, and what it allows is asked"
              : `until ${policy.said.expires.slice(0, 16)}Z`,
          ]
        : []),
      ...(revoked > 0 ? [`${revoked} revoked`] : []),
      ...(this.isRevoked("machine", machine) ? ["this machine is revoked: everything is denied"] : []),
    ];
    return parts.length === 0 ? undefined : visible(parts.join(", "));
  }

  /** Which entry has a rule of this name, and who has signed it. */
  sourceOf(name: string): { by: string; kind: Statement["kind"] } | undefined {
    const found = this.#entries.find(({ rules }) => rules.some((rule) => isCalled(rule, name)));
    return found && { by: found.entry.by, kind: found.said.kind };
  }

  /** Whether what is signed from now on, on a machine or with the key of a fingerprint, counts nowhere. */
  isRevoked(what: "machine" | "key", name: string): boolean {
    return this.#entries.isRevoked(what, name);
  }

  async #recall(entry: Entry | undefined): Promise<void> {
    const said = entry && parseStatement(entry.signed);
    if (!said || isAhead(said)) {
      this.#doubt(`${this.#parts.path} has a line that is none of muxguard's`);
      return;
    }
    try {
      // a thousand that only deny hold up no start
      const rules = revokes(said) && rulesIn(said, this.#parts.config.machine);
      this.#entries.recall(rules ? { entry, said, rules } : await this.#verified(entry, said));
    } catch (error) {
      this.#entries.recall({ entry, said, rules: [] });
      this.#refused(messageOf(error));
    }
  }

  #doubt(reason: string): void {
    this.#entries.doubt();
    this.#refused(reason);
  }

  #refused(reason: string): void {
    this.#parts.refused(`the fleet's policy that was kept does not count, so all is asked: ${reason}`);
  }

  async #take(entry: Entry, said: Statement): Promise<void> {
    try {
      if (isAhead(said)) throw new Error("its number is more than a day ahead of this machine's clock");
      const good = await this.#verified(entry, said);
      // what it has said before stays: who would have all of that said anew in a hurry
      if (this.isRevoked("key", good.key)) throw new Error(`it is signed with ${good.key}, which is revoked`);
      if (this.#entries.isKnown(entry)) return; // it came twice
      this.#entries.check(good);
      if (revokes(said)) this.#revoke(good);
      else this.#change(good);
    } catch (error) {
      this.#refuse(messageOf(error));
    }
  }

  /** In force at once: what makes things stricter waits for neither the log nor the disk. */
  #revoke(good: Good): void {
    this.#put(good);
    this.#parts.taken(this.#told(good), true);
    this.#keepOrLater();
    this.#parts.revoked(good.rules);
  }

  #change(good: Good): void {
    try {
      this.#parts.taken(this.#told(good), false);
    } catch (error) {
      this.#later(good.entry.signed, () => this.#line.add(() => this.#take(good.entry, good.said)));
      throw error;
    }
    this.#put(good);
    this.#keepOrLater();
  }

  #told({ said, entry }: Good): string {
    return `${describe(said)}, signed by ${entry.by}`;
  }

  #keepOrLater(): void {
    if (!this.#keep()) this.#later("", () => this.#keep());
  }

  #keep(): boolean {
    try {
      keep(this.#parts.path, this.#entries.kept);
      return true;
    } catch (error) {
      this.#parts.refused(
        `what the fleet says counts, and can't be kept for the next start: ${messageOf(error)}`,
      );
      return false;
    }
  }

  /** @param what that is waited for once @param work returns whether that is over */
  #later(what: string, work: () => boolean): void {
    if (this.#again.has(what)) return;
    this.#again.add(what);
    setTimeout(() => {
      this.#again.delete(what);
      if (!work()) this.#later(what, work);
    }, AGAIN).unref();
  }

  /** @throws Error where it does not count */
  async #verified(entry: Entry, said: Statement): Promise<Good> {
    const { config, verifying } = this.#parts;
    const key = await verifyEntry(entry, { ...verifying, signers: config.signers, at: new Date() });
    return { entry, key, said, rules: rulesIn(said, config.machine) };
  }

  #put(good: Good): void {
    this.#entries.put(good);
    this.#merged = new WeakMap();
  }

  #refuse(reason: string): void {
    this.#parts.refused(`a policy of the fleet does not count: ${reason}`);
  }
}

/** A number that nobody could go beyond. */
function isAhead({ sequence }: Statement): boolean {
  return sequence > Date.now() + MAX_AHEAD;
}

function describe(said: Statement): string {
  if (said.kind === "policy") return `the fleet's policy number ${said.sequence}, until ${said.expires}`;
  return `the fleet ${said.lifted ? "takes back that" : "says that"} ${said.what} ${visible(said.name, 80)} is revoked`;
}

/** @throws SettingsError for a policy with a mistake */
function rulesIn(said: Statement, machine: string): Rule[] {
  if (said.kind === "revoke") {
    const rule = said.lifted ? undefined : revokedRule(said, machine);
    return rule ? [rule] : [];
  }
  const file = "fleet";
  return rulesOf({ file, content: checkSettings(file, "policy", said.toml) }).map((rule) => ({
    ...rule,
    name: `fleet: ${rule.name}`,
  }));
}

function counted(rules: number): string {
  return rules === 1 ? "1 rule" : `${rules} rules`;
}

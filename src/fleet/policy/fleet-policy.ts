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
import { type VerifyOptions, verify } from "../signed/keygen.ts";
import { type Entry, keyOf, POLICY_KEY, parseEntry, parseStatement, type Statement } from "./entry.ts";
import { keep, readKept } from "./kept.ts";
import { type FleetRules, isCalled, mergePolicy, revokedRule } from "./merged.ts";

/** Entries that wait to be verified, and the most that are kept. */
const [MAX_WAITING, MAX_KEPT] = [64, 1024];

export interface FleetPolicyParts {
  config: Pick<FleetConfig, "machine" | "signers" | "policy">;
  /** Where the last good entries are kept. */
  path: string;
  verifying: Pick<VerifyOptions, "folder" | "environment">;
  /** Tells of what does not count. */
  refused(reason: string): void;
  /** Tells of what counts from now on: in the log, before it does. @throws Error if the log can't be written */
  taken(what: string): void;
  /** Called with the rules of what was revoked. */
  revoked(rules: readonly Rule[]): void;
}

interface Good {
  entry: Entry;
  /** The fingerprint of the key that signed it. */
  key: string;
  said: Statement;
  rules: readonly Rule[];
}

export class FleetPolicy {
  readonly #parts: FleetPolicyParts;
  /** By where they belong. */
  readonly #good = new Map<string, Good>();
  readonly #line = new Line(MAX_WAITING);
  #isDoubtful = false;
  #merged = new WeakMap<Policy, { policy: Policy; isExpired: boolean }>();

  constructor(parts: FleetPolicyParts) {
    this.#parts = parts;
  }

  /**
   * What was kept, verified again. For before anything is heard. Never rejects: what can't be verified leaves it in
   * doubt, and then all is asked.
   */
  async load(): Promise<void> {
    try {
      for (const entry of readKept(this.#parts.path)) {
        this.#put(await this.#verified(entry));
      }
    } catch (error) {
      this.#isDoubtful = true;
      this.#parts.refused(
        `the fleet's policy that was kept does not count, so all is asked: ${messageOf(error)}`,
      );
    }
  }

  /** What came over the bus. */
  heard(data: Uint8Array): void {
    const entry = parseEntry(data);
    if (!entry) this.#refuse("what came is none");
    else if (!this.#isKnown(entry) && !this.#line.add(() => this.#take(entry)))
      this.#refuse("more came than can be looked at");
  }

  /** With the machine's own, as it is now. The same for the same one, while nothing changes. */
  merge(own: Policy): Policy {
    if (this.#good.size === 0 && !this.#isDoubtful) return own;
    const { isExpired } = this;
    const known = this.#merged.get(own);
    if (known?.isExpired === isExpired) return known.policy;
    const policy = mergePolicy(own, this.#rules(), this.#parts.config.policy);
    this.#merged.set(own, { policy, isExpired });
    return policy;
  }

  get isExpired(): boolean {
    const policy = this.#good.get(POLICY_KEY)?.said;
    return policy?.kind === "policy" && Date.parse(policy.expires) <= Date.now();
  }

  /** In a few words; undefined where there is none. Safe for a screen. */
  get described(): string | undefined {
    if (this.#isDoubtful) return "what was kept of it can't be verified: all is asked";
    const policy = this.#good.get(POLICY_KEY);
    const revoked = [...this.#good.values()].filter(
      ({ said }) => said.kind === "revoke" && !said.lifted,
    ).length;
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
    ];
    return parts.length === 0 ? undefined : visible(parts.join(", "));
  }

  /** Which entry has a rule of this name, and who has signed it. */
  sourceOf(name: string): { by: string; kind: Statement["kind"] } | undefined {
    const found = [...this.#good.values()].find(({ rules }) => rules.some((rule) => isCalled(rule, name)));
    return found && { by: found.entry.by, kind: found.said.kind };
  }

  /** Whether what is signed from now on, on a machine or with the key of a fingerprint, counts nowhere. */
  isRevoked(what: "machine" | "key", name: string): boolean {
    return [...this.#good.values()].some(
      ({ said }) => said.kind === "revoke" && said.what === what && said.name === name && !said.lifted,
    );
  }

  #isKnown({ signed }: Entry): boolean {
    return [...this.#good.values()].some(({ entry }) => entry.signed === signed);
  }

  async #take(entry: Entry): Promise<void> {
    try {
      const good = await this.#verified(entry);
      // what it has said before stays: who would have all of that said anew in a hurry
      if (this.isRevoked("key", good.key)) throw new Error(`it is signed with ${good.key}, which is revoked`);
      const key = keyOf(good.said);
      if (this.#isKnown(entry)) return; // it came twice
      const known = this.#good.get(key)?.said;
      if (known && good.said.sequence <= known.sequence)
        throw new Error(`it is number ${good.said.sequence}, and number ${known.sequence} is known`);
      if (!known && this.#good.size >= MAX_KEPT) throw new Error(`${MAX_KEPT} are kept already`);
      const all = new Map(this.#good).set(key, good);
      keep(
        this.#parts.path,
        [...all.values()].map((one) => one.entry),
      );
      this.#parts.taken(`${describe(good.said)}, signed by ${entry.by}`);
      this.#put(good);
      if (good.said.kind === "policy") this.#isDoubtful = false;
      if (good.said.kind === "revoke" && !good.said.lifted) this.#parts.revoked(good.rules);
    } catch (error) {
      this.#refuse(messageOf(error));
    }
  }

  /** @throws Error where it does not count */
  async #verified(entry: Entry): Promise<Good> {
    const { config, verifying } = this.#parts;
    const said = parseStatement(entry.signed);
    if (!said) throw new Error("what is signed is no policy");
    const signed = { message: entry.signed, signature: entry.signature, principal: entry.by };
    const options = { ...verifying, signers: config.signers, at: new Date() };
    const key = await verify({ ...signed, namespace: "muxguard-policy" }, options);
    return { entry, key, said, rules: rulesIn(said, config.machine) };
  }

  #put(good: Good): void {
    this.#good.set(keyOf(good.said), good);
    this.#merged = new WeakMap();
  }

  #rules(): FleetRules {
    const all = [...this.#good.values()];
    return {
      revoked: all.flatMap(({ said, rules }) => (said.kind === "revoke" ? rules : [])),
      rules: this.#good.get(POLICY_KEY)?.rules ?? [],
      isExpired: this.isExpired,
      isDoubtful: this.#isDoubtful,
    };
  }

  #refuse(reason: string): void {
    this.#parts.refused(`a policy of the fleet does not count: ${reason}`);
  }
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

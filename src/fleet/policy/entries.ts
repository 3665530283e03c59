/**
 * The entries of a fleet that hold on this machine: of each place the newest. One that was kept and is not verified
 * still denies what it denies, and nothing older takes its place. If there is more in it than that, it is in doubt.
 */
import type { Rule } from "../../policy/policy.ts";
import { type Entry, entrySize, keyOf, POLICY_KEY, revokes, type Statement } from "./entry.ts";
import type { FleetRules } from "./merged.ts";

/** The most that are kept, and their size in bytes: half of both for what one person has signed. */
const [MAX_KEPT, MAX_SIZE] = [1024, 8 * 1024 * 1024];

/** One that was verified. */
export interface Good {
  entry: Entry;
  /** The fingerprint of the key that signed it. */
  key: string;
  said: Statement;
  rules: readonly Rule[];
}

export type Kept = Pick<Good, "entry" | "said" | "rules">;

export class Entries {
  /** By where they belong. */
  readonly #good = new Map<string, Good>();
  readonly #unverified = new Map<string, Kept>();
  /** Something was kept of which nobody knows what it was. */
  #isUnreadable = false;

  get isEmpty(): boolean {
    return this.#good.size === 0 && this.#unverified.size === 0 && !this.#isUnreadable;
  }

  get isDoubtful(): boolean {
    return this.#isUnreadable || [...this.#unverified.values()].some(({ said }) => !revokes(said));
  }

  get policy(): Good | undefined {
    return this.#good.get(POLICY_KEY);
  }

  /** How many things are revoked. */
  get revoked(): number {
    return this.#all().filter(({ said }) => revokes(said)).length;
  }

  /** Those that are to be kept. */
  get kept(): Entry[] {
    return this.#all().map(({ entry }) => entry);
  }

  /** By what name something is revoked. */
  isRevoked(what: "machine" | "key", name: string): boolean {
    return this.#all().some(({ said }) => revokes(said) && said.what === what && said.name === name);
  }

  rules(isExpired: boolean): FleetRules {
    return {
      revoked: this.#all().flatMap(({ said, rules }) => (said.kind === "revoke" ? rules : [])),
      rules: this.policy?.rules ?? [],
      isExpired,
      isDoubtful: this.isDoubtful,
    };
  }

  /** Whether it has its effect already. */
  isKnown({ signed }: Entry): boolean {
    return this.#all().some((one) => one.entry.signed === signed && ("key" in one || revokes(one.said)));
  }

  find(isIt: (one: Kept) => boolean): Kept | undefined {
    return this.#all().find(isIt);
  }

  /** @throws Error for what is older than what is known of its place, or has no room */
  check(good: Good): void {
    const { sequence } = good.said;
    const known = this.#at(keyOf(good.said));
    // the same as was kept is verified now
    const isSame = known?.entry.signed === good.entry.signed;
    if (known && !isSame && sequence <= known.said.sequence)
      throw new Error(`it is number ${sequence}, and number ${known.said.sequence} is known`);
    this.#leftOut(good);
  }

  /** In the place of what was there. */
  put(good: Good): void {
    const place = keyOf(good.said);
    for (const out of this.#leftOut(good)) this.#good.delete(out);
    this.#good.set(place, good);
    this.#unverified.delete(place);
    if (good.said.kind === "policy") this.#isUnreadable = false;
  }

  /** One that was kept; the newest of its place counts. */
  recall(found: Good | Kept): void {
    const place = keyOf(found.said);
    const known = this.#at(place);
    if (known && known.said.sequence >= found.said.sequence) return;
    this.#good.delete(place);
    this.#unverified.delete(place);
    if ("key" in found) this.#good.set(place, found);
    else this.#unverified.set(place, found);
  }

  doubt(): void {
    this.#isUnreadable = true;
  }

  #at(place: string): Good | Kept | undefined {
    return this.#good.get(place) ?? this.#unverified.get(place);
  }

  #all(): (Good | Kept)[] {
    return [...this.#good.values(), ...this.#unverified.values()];
  }

  /**
   * What gives way to it: what was taken back, the oldest first.
   * @returns places
   * @throws Error where there is no room all the same
   */
  #leftOut(good: Good): string[] {
    const place = keyOf(good.said);
    const { by } = good.entry;
    const others = [...this.#good, ...this.#unverified].filter(([one]) => one !== place);
    const gone: string[] = [];
    const makeRoom = (part: number, whose: (one: Good | Kept) => boolean, what: string): void => {
      const left = others.filter(([at, one]) => !gone.includes(at) && whose(one));
      let size = left.reduce((sum, [, { entry }]) => sum + entrySize(entry), entrySize(good.entry));
      while (left.length >= MAX_KEPT * part || size > MAX_SIZE * part) {
        const at = left.findIndex(([, { said }]) => said.kind === "revoke" && said.lifted);
        const [out] = at < 0 ? [] : left.splice(at, 1);
        if (!out) throw new Error(`${left.length} ${what} are kept already: lift some of them`);
        size -= entrySize(out[1].entry);
        gone.push(out[0]);
      }
    };
    // a key may have several names
    const isTheirs = (one: Good | Kept): boolean =>
      one.entry.by === by || ("key" in one && one.key === good.key);
    makeRoom(1 / 2, isTheirs, `that ${by} has signed`);
    makeRoom(1, () => true, "entries");
    return gone;
  }
}

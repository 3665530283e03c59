/**
 * Ends connections for a reason that comes while they are there, or while they are being made. Whoever gives it
 * is told each of them, and says which are meant.
 */
import type { Master } from "./master.ts";
import type { GuardedMaster, MasterRegistry } from "./registry.ts";

export type IsMeant = (master: Master) => Promise<boolean>;

export class Ending {
  readonly #registry: Pick<MasterRegistry, "everyone" | "endNow">;
  readonly #now: () => number;
  /** What was said since the start, and when. A few: a person said each. */
  readonly #said: { at: number; isMeant: IsMeant }[] = [];

  /** @param now in milliseconds since the machine started: processes are compared with it */
  constructor(registry: Pick<MasterRegistry, "everyone" | "endNow">, now: () => number) {
    this.#registry = registry;
    this.#now = now;
  }

  get now(): number {
    return this.#now();
  }

  async endThose(isMeant: IsMeant): Promise<void> {
    this.#said.push({ at: this.now, isMeant });
    await Promise.all(this.#registry.everyone().map((guarded) => this.#endIf(guarded, isMeant)));
  }

  /**
   * For one that has just come: ends it by what was said while it was being made.
   * @param since when its making began, by the same clock
   * @returns whether it was ended
   */
  async endLate(guarded: GuardedMaster, since: number): Promise<boolean> {
    for (const { at, isMeant } of this.#said)
      if (since <= at && (await this.#endIf(guarded, isMeant))) return true;
    return false;
  }

  async #endIf(guarded: GuardedMaster, isMeant: IsMeant): Promise<boolean> {
    const isEnded = await isMeant(guarded.master);
    if (isEnded) this.#registry.endNow(guarded);
    return isEnded;
  }
}

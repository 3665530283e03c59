/** A value that can't be told. */
export const UNKNOWN = Symbol("unknown");

/**
 * What a setting may be: the first value wins, but one that only may hold leaves the next ones their chance.
 */
export class Choice {
  readonly #values = new Set<string | typeof UNKNOWN>();
  #decided = false;

  /** @param certain whether it holds in any case */
  offer(value: string | typeof UNKNOWN, certain: boolean): void {
    if (this.#decided) return;
    this.#values.add(value);
    this.#decided = certain;
  }

  /**
   * @param fallback what holds where nothing is set
   * @returns all values that it may have; undefined if nobody can say
   */
  values(fallback: string): readonly string[] | undefined {
    const values = this.#decided ? [...this.#values] : [...this.#values, fallback];
    return values.every((value) => value !== UNKNOWN) ? (values as string[]) : undefined;
  }
}

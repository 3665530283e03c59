/** A run's control sockets: one for each destination, however many ask for it at once. */
export class RidePaths {
  readonly #isOpen: (path: string) => boolean;
  readonly #paths = new Map<string, Promise<string>>();

  /** @param isOpen whether a connection can be reached there */
  constructor(isOpen: (path: string) => boolean) {
    this.#isOpen = isOpen;
  }

  /**
   * The path for the destination, if there is one by then, or a new one.
   * @throws what open() throws: where another's was refused, this one is decided anew
   */
  async ensure(destination: string, open: () => Promise<string>): Promise<string> {
    // two at once would both open it, and one listener would be lost
    for (let other = this.#paths.get(destination); other; other = this.#paths.get(destination)) {
      const known = await other.catch(() => undefined);
      if (known !== undefined && this.#isOpen(known)) return known;
      if (this.#paths.get(destination) === other) this.#paths.delete(destination);
    }
    const opening = open();
    this.#paths.set(destination, opening);
    return opening;
  }

  /** Those that were opened, once they are. */
  async all(): Promise<string[]> {
    const settled = await Promise.allSettled(this.#paths.values());
    return settled.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  }
}

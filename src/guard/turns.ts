/**
 * Whose turn it is. All clients share one thread, and most of what the guard answers by itself needs no wait:
 * one client that sends ahead could keep the thread for as long as it likes.
 *
 * So each asks before a request whether it may go on. For a moment it may; then whatever else there is to do
 * comes first (new clients, agents, answers of people), and those who wait follow, one request each. Who has
 * not sent ahead goes first, but never alone.
 */

/** For how long requests are answered before the event loop goes round, in milliseconds. */
const BUDGET = 2;
/** How many of those who wait are let go on at once: with a request each, they take about as long. */
const AT_ONCE = 8;
/** How many of these at most for who has not sent ahead. */
const FIRST_AT_ONCE = 6;

export class Turns {
  readonly #first = new Set<() => void>();
  readonly #others = new Set<() => void>();
  readonly #now: () => number;
  /** When the first request of this round of the event loop was answered; undefined before it. */
  #began: number | undefined;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /**
   * @param hadOne whether the one before was the same client's, and this one was there already
   * @returns undefined for who may go on at once; otherwise what is to be waited for. It never rejects
   */
  next(hadOne: boolean): Promise<void> | undefined {
    if (this.#began === undefined) this.#begin();
    else if (this.#mustWait(hadOne))
      return new Promise((resolve) => (hadOne ? this.#others : this.#first).add(resolve));
    return undefined;
  }

  #mustWait(hadOne: boolean): boolean {
    const before = this.#first.size + (hadOne ? this.#others.size : 0);
    return before > 0 || this.#now() - (this.#began ?? 0) >= BUDGET;
  }

  #begin(): void {
    this.#began = this.#now();
    setImmediate(() => this.#goRound());
  }

  #goRound(): void {
    this.#began = undefined;
    if (this.#first.size + this.#others.size === 0) return;
    this.#begin();
    const left = AT_ONCE - letGo(this.#first, FIRST_AT_ONCE);
    letGo(this.#others, left);
  }
}

/** @returns how many there were */
function letGo(waiting: Set<() => void>, most: number): number {
  let gone = 0;
  for (const goOn of waiting) {
    if (gone === most) break;
    waiting.delete(goOn);
    goOn();
    gone++;
  }
  return gone;
}

/** Of this thread, which all connections share. */
export const turns = new Turns();

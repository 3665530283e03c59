/** Work that others bring about in any number, in a line that has an end: what comes when it is full is left out. */

/** So many are done at once. */
const AT_ONCE = 2;

export class Line {
  readonly #most: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;

  /** @param most that wait */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * @param work must not reject
   * @returns false if there is no room
   */
  add(work: () => Promise<void>): boolean {
    if (this.#waiting.length >= this.#most) return false;
    this.#waiting.push(work);
    this.#next();
    return true;
  }

  #next(): void {
    if (this.#running >= AT_ONCE) return;
    const work = this.#waiting.shift();
    if (!work) return;
    this.#running++;
    const done = (): void => {
      this.#running--;
      this.#next();
    };
    work().then(done, done);
  }
}

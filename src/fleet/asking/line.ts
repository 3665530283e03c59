/** Work that others bring about in any number, in a line that has an end: what comes when it is full is left out. */

export class Line {
  readonly #most: number;
  readonly #atOnce: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #running = 0;

  /** @param most that wait @param atOnce that are done at once */
  constructor(most: number, atOnce: number) {
    this.#most = most;
    this.#atOnce = atOnce;
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
    if (this.#running >= this.#atOnce) return;
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

/** Lists that are in order. */

/** Lists of numbers, each in order, as one in order, without those that come twice. */
export class Merged {
  readonly #rest: { list: readonly number[]; at: number }[] = [];

  constructor(lists: readonly (readonly number[])[]) {
    for (const list of lists) if (list.length > 0) this.#rest.push({ list, at: 0 });
  }

  /** Undefined at the end. */
  next(): number | undefined {
    let least: number | undefined;
    for (const { list, at } of this.#rest) {
      const first = list[at];
      if (first !== undefined && (least === undefined || first < least)) least = first;
    }
    for (const one of this.#rest) if (one.list[one.at] === least) one.at++;
    return least;
  }
}

/** The place of the last one that is not greater; -1 if there is none. */
export function lastUpTo<T extends string | number>(sorted: readonly T[], limit: T): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] as T) <= limit) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

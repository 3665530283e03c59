/** What was probably meant by a word that nobody knows. */

/** Of those that are as near as a slip of the fingers, the nearest. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const distances = known.map((other) => distance(word.toLowerCase(), other));
  const least = Math.min(...distances);
  return least <= Math.max(1, Math.floor(word.length / 3)) ? known[distances.indexOf(least)] : undefined;
}

/** How many characters are to be added, left out, replaced, or swapped with the next one. */
function distance(one: string, other: string): number {
  if (one.length > 64) return Number.POSITIVE_INFINITY;
  const rows = [Array.from({ length: other.length + 1 }, (_, at) => at)];
  const cost = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= other.length; j++) {
      const replaced = cost(i - 1, j - 1) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swapped = isSwapped ? cost(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row[j] = Math.min(cost(i - 1, j) + 1, cost(i, j - 1) + 1, replaced, swapped);
    }
  }
  return cost(one.length, other.length);
}

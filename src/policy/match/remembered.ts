/** Texts of rules, taken apart once rather than for each request. */

/** As many as the rules of one person have; those of 10,000 rules are looked up before (lookup/). */
const MOST = 1000;

/** @param make is called again after so many others */
export function remembered<T>(make: (text: string) => T): (text: string) => T {
  const made = new Map<string, T>();
  return (text) => {
    const known = made.get(text);
    if (known !== undefined) return known;
    if (made.size >= MOST) made.clear();
    const one = make(text);
    made.set(text, one);
    return one;
  };
}

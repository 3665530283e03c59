/**
 * The command lines of `muxguard run` that are read without Commander, which would take longer to load than all
 * that is done: those without options. What else is typed is read by Commander, and so are mistakes.
 */

/** @returns the command and its arguments; undefined for what is not as plain */
export function plainRunWords([name, first, ...others]: readonly string[]): string[] | undefined {
  if (name !== "run" || first === undefined) return undefined;
  if (first !== "--") return first === "" || first.startsWith("-") ? undefined : [first, ...others];
  return others.length === 0 ? undefined : others;
}

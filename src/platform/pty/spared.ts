/** A command that a shell starts, with the environment that it is to have. */

/** Variables that a shell sets for itself, and then does not pass on as they were. */
const ofShells = new Set(["PS1", "PS2", "PS4", "IFS", "OPTIND"]);

/**
 * A shell passes on only variables whose names are words: bash's exported functions, for one, have others.
 * env(1) sets those again.
 */
export function spared(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): { words: string[]; environment: NodeJS.ProcessEnv } {
  const isPassedOn = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name) && !ofShells.has(name);
  const odd = Object.entries(env).filter(([name]) => !isPassedOn(name));
  const environment = Object.fromEntries(Object.entries(env).filter(([name]) => isPassedOn(name)));
  const set = odd.map(([name, value]) => `${name}=${value}`);
  return { words: set.length === 0 ? [...command] : ["/usr/bin/env", ...set, ...command], environment };
}

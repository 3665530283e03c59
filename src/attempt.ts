/** What an action returns; undefined where it throws, whatever the reason. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

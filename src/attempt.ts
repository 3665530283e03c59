/** Runs all of them, one after the other; what one throws keeps none of the others from it. Never rejects. */
export async function attemptEach(
  actions: readonly (() => unknown)[],
  failed: (error: unknown) => void,
): Promise<void> {
  for (const action of actions) {
    try {
      await action();
    } catch (error) {
      failed(error);
    }
  }
}

/** What an action returns; undefined where it throws, whatever the reason. */
export function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/**
 * Attacks: a table for each kind. The name says what the attacker would gain, the function really tries it.
 */
import { expect, it } from "vitest";

export interface Outcome {
  /** That it was really tried: what the guard has logged or answered, or what shows that an honest one works. */
  tried: unknown;
  /** What the attacker has now, and should not. */
  gained?: unknown;
}

/** By what the attacker would gain, or do. */
export type Attacks = Readonly<Record<string, () => Promise<Outcome>>>;

export function gainNothing(attacks: Attacks): void {
  it.each(Object.entries(attacks))("%s", async (_, attack) => {
    const { tried, gained } = await attack();
    expect(tried, "it was not tried").toBeTruthy();
    expect(gained || undefined, "what was gained").toBeUndefined();
  });
}

/**
 * Paired measuring on a machine that others use too: small batches of each variant in turn, so that a slow
 * moment hits all of them, in an order that changes with each round.
 */

export interface Variant<Name extends string> {
  name: Name;
  /** What is measured, once. */
  once(): Promise<unknown>;
  /** CPU time that what is measured has used so far, in milliseconds. */
  cpu?: () => number;
}

export interface Plan {
  rounds: number;
  /** Samples of each variant in a round. */
  batch: number;
  /** Samples of each variant that are thrown away first. */
  warmUp: number;
}

/** In milliseconds. */
export interface Summary {
  p50: number;
  p95: number;
  /** CPU time of one sample, on average. */
  cpu?: number;
}

export async function interleave<Name extends string>(
  variants: readonly Variant<Name>[],
  { rounds, batch, warmUp }: Plan,
): Promise<Map<Name, Summary>> {
  for (const variant of variants) await sample(variant, warmUp);
  const samples = new Map<Name, number[]>();
  const used = new Map<Name, number>();
  for (let round = 0; round < rounds; round++) {
    for (const variant of rotated(variants, round)) {
      const before = variant.cpu?.();
      const taken = await sample(variant, batch);
      if (variant.cpu && before !== undefined)
        used.set(variant.name, (used.get(variant.name) ?? 0) + variant.cpu() - before);
      samples.set(variant.name, [...(samples.get(variant.name) ?? []), ...taken]);
    }
  }
  return new Map(
    [...samples].map(([name, values]) => {
      const cpu = used.get(name);
      return [name, { ...summarize(values), ...(cpu !== undefined && { cpu: cpu / values.length }) }];
    }),
  );
}

async function sample({ once }: Variant<string>, count: number): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < count) {
    const began = performance.now();
    await once();
    taken.push(performance.now() - began);
  }
  return taken;
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

export function summarize(samples: readonly number[]): Summary {
  return { p50: percentile(samples, 0.5), p95: percentile(samples, 0.95) };
}

/** @param share of all, from 0 to 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}

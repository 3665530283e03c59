/** Durations as people write them in config.toml and policy.toml: `60s`, `10m`, `2h`, `1d`. */

const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** In milliseconds; undefined for anything but a whole number and a unit. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const factor = units[unit ?? ""];
  return factor === undefined ? undefined : Number(amount) * factor;
}

/** As it would be written in a file: `10m`. To the second. */
export function formatDuration(milliseconds: number): string {
  const unit = ["d", "h", "m"].find((candidate) => milliseconds % (units[candidate] ?? 1) === 0) ?? "s";
  return `${Math.round(milliseconds / (units[unit] ?? 1))}${unit}`;
}

/** In words: "10 minutes". */
export function describeDuration(milliseconds: number): string {
  const [amount, unit] =
    milliseconds % 3_600_000 === 0
      ? [milliseconds / 3_600_000, "hour"]
      : milliseconds % 60_000 === 0
        ? [milliseconds / 60_000, "minute"]
        : [Math.round(milliseconds / 1000), "second"];
  return amount === 1 ? `1 ${unit}` : `${amount} ${unit}s`;
}

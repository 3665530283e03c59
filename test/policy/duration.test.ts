import { describe, expect, test } from "vitest";
import { describeDuration, formatDuration, parseDuration } from "../../src/policy/duration.ts";

describe("a duration", () => {
  test.each([
    ["0s", 0],
    ["1s", 1000],
    ["60s", 60_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["999999s", 999_999_000],
  ])("%s is %i ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  const wrong = [
    "",
    "10",
    "m",
    "10 m",
    "10M",
    "-1s",
    "+1s",
    "1.5h",
    "1e3s",
    "10ms",
    "1h30m",
    "1w",
    "1s\n",
    " 1s",
  ];

  test.each([...wrong, "1000000s", "١s"])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test.each([
    [0, "0d"],
    [1000, "1s"],
    [90_000, "90s"],
    [600_000, "10m"],
    [7_200_000, "2h"],
    [172_800_000, "2d"],
    [1499, "1s"],
  ])("%i ms are written as %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test.each([
    [1000, "1 second"],
    [59_400, "59 seconds"],
    [60_000, "1 minute"],
    [90_000, "90 seconds"],
    [600_000, "10 minutes"],
    [3_600_000, "1 hour"],
    [5_400_000, "90 minutes"],
    [86_400_000, "24 hours"],
  ])("%i ms are said as %j", (milliseconds, words) => {
    expect(describeDuration(milliseconds)).toBe(words);
  });
});

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { expect, test } from "vitest";
import { bootTime } from "../../src/platform/libc/clock.ts";

test("the clock of remembered answers counts the time for which the machine slept", () => {
  const [uptime] = readFileSync("/proc/uptime", "latin1").split(" ");
  expect(Math.abs(bootTime() - Number(uptime) * 1000)).toBeLessThan(1000);
});

// a time namespace is as if the machine had slept: CLOCK_BOOTTIME is ahead, CLOCK_MONOTONIC is not. Root
// alone may make one.
const canSleep = ((): boolean => {
  try {
    execFileSync("unshare", ["-T", "--boottime", "10", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test.runIf(canSleep)("and goes on where the clock of Node stands still", () => {
  const run = ["-T", "--boottime", "86400", process.execPath, "--input-type=module", "-e", bothClocks()];
  const [slept = 0, awake = 0] = execFileSync("unshare", run, { encoding: "utf8" }).split(" ").map(Number);
  expect(slept - bootTime()).toBeGreaterThan(86_000_000);
  expect(Math.abs(awake - Number(process.hrtime.bigint() / 1_000_000n))).toBeLessThan(60_000);
});

/** A program for another process, which Node can't give our TypeScript to. */
function bothClocks(): string {
  const contents = `import { bootTime } from "./clock.ts";
    console.log(bootTime(), Number(process.hrtime.bigint() / 1000000n));`;
  const resolveDir = join(import.meta.dirname, "../../src/platform/libc");
  const [bundle] = buildSync({
    stdin: { contents, resolveDir, loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["koffi"],
    write: false,
  }).outputFiles;
  return bundle?.text ?? "";
}

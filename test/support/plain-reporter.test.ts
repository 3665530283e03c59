import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const VITEST = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const REPORTER = fileURLToPath(new URL("plain-reporter.ts", import.meta.url));

const passes = 'test("passes", () => {});';
const fails = 'test("fails", () => { throw new Error("no"); });';
const needsASecondTry = (name: string): string =>
  `let tried${name} = false;
  test("${name}", () => {
    if (tried${name}) return;
    tried${name} = true;
    throw new Error("not yet");
  });`;

/** Runs vitest with the reporter on one file of such tests. */
function run(...tests: string[]): { code: number | null; lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "mg-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "some.test.js"), tests.join("\n"));
  const { VITEST: _, ...env } = process.env;
  const args = ["run", "--root", folder, "--globals", "--retry", "1", "--reporter", REPORTER];
  const { status, stdout } = spawnSync(process.execPath, [VITEST, ...args], { env, encoding: "utf8" });
  return { code: status, lines: stdout.trim().split("\n") };
}

test("says how many tests passed and failed, which failed, and why", () => {
  expect(run(passes, fails)).toEqual({
    code: 1,
    lines: ["1 failed: some.test.js > fails", "failed for: no", "1 passed, 1 failed"],
  });
});

test("says in one line what differs, and a reason of several tests once", () => {
  const differs = (name: string): string =>
    `test("${name}", () => expect([{ how: "a", at: 1 }]).toEqual([{ how: "b", at: 1 }]));`;
  const { lines } = run(differs("one"), differs("two"));
  expect(lines.filter((line) => line.startsWith("failed for: "))).toEqual([
    expect.stringMatching(/to deeply equal .* - "how": "b", \+ "how": "a",$/),
  ]);
});

test("counts a hook that fails as failed: its tests are skipped", () => {
  const { code, lines } = run(
    'describe("some", () => { beforeAll(() => { throw new Error("no\\nserver"); }); test("one", () => {}); });',
  );
  expect(lines).toEqual(["1 failed: some.test.js > some", "failed for: no server", "0 passed, 1 failed"]);
  expect(code).toBe(1);
});

test("counts a file that can't be loaded as failed", () => {
  const { code, lines } = run("import 'nothing-there';");
  expect(code).toBe(1);
  expect(lines.at(0)).toBe("1 failed: some.test.js");
  expect(lines.at(-1)).toBe("0 passed, 1 failed");
});

test("names the tests that needed a second try", () => {
  const { code, lines } = run(passes, ...["a", "b", "c"].map(needsASecondTry));
  expect(lines).toEqual([
    "failed for: not yet",
    "3 flaky: some.test.js > a; some.test.js > b; some.test.js > c",
    "4 passed, 0 failed",
  ]);
  expect(code).toBe(0);
});

test("fails the run where more than three did", () => {
  const { code, lines } = run(passes, ...["a", "b", "c", "d"].map(needsASecondTry));
  expect(lines.at(1)).toMatch(/^4 flaky: /);
  expect(lines.at(-1)).toBe("1 passed, 4 failed");
  expect(code).toBe(1);
});

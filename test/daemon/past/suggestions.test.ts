/** Once a day a question says that rules would help; it is looked for in the background. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { auditEvent } from "../../../src/audit/event.ts";
import { Suggestions } from "../../../src/daemon/past/suggestions.ts";
import type { PolicySource } from "../../../src/settings/policy-files.ts";
import { login, policy, caller as usual } from "../../support/policy.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const source = { current: () => policy([]) } as PolicySource;
const made = (suggest = true): Suggestions => {
  const paths = { log: join(folder, "log.jsonl"), told: join(folder, "told.json") };
  return new Suggestions({ paths, config: { suggest } });
};

/** @param before what is in the log above it */
function asked(times: number, before = ""): void {
  const decided = { decision: "allow", by: "approver:terminal", waitedMs: 1 } as const;
  const lines = Array.from({ length: times }, (_, at) =>
    JSON.stringify(
      auditEvent({ time: new Date(at * 60_000), id: `e${at}`, request: login, caller: usual, ...decided }),
    ),
  );
  writeFileSync(join(folder, "log.jsonl"), `${before}${lines.join("\n")}\n`, { mode: 0o600 });
}

/** The tip, once it was looked for. */
async function tipOf(suggestions: Suggestions): Promise<string | undefined> {
  await suggestions.ready();
  return suggestions.tip();
}

const TIP = /^muxguard suggest: one rule would have answered 3 of your last 3 questions$/;

test("is said once, whichever guard asks", async () => {
  asked(3);
  const suggestions = made();
  suggestions.follow(source);
  expect(await tipOf(suggestions)).toMatch(TIP);
  expect(await tipOf(suggestions)).toBeUndefined();
  const next = made();
  next.follow(source);
  expect(await tipOf(next)).toBeUndefined();
});

test("keeps no question waiting: the first look returns at once", () => {
  asked(3);
  const suggestions = made();
  suggestions.follow(source);
  expect(suggestions.tip()).toBeUndefined();
});

test("is said with the first question of a later day, too", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: new Date(2026, 0, 1, 12) });
  const suggestions = made();
  suggestions.follow(source); // there is no log yet
  await suggestions.ready();
  expect(suggestions.tip()).toBeUndefined();
  for (const day of [2, 3]) {
    asked(3);
    vi.setSystemTime(new Date(2026, 0, day, 9));
    await suggestions.ready();
    expect(suggestions.tip()).toMatch(TIP);
    await suggestions.ready();
    expect(suggestions.tip()).toBeUndefined();
  }
});

test("is not said where it is turned off, where nothing would help, and where there is no log", async () => {
  const off = made(false);
  asked(3);
  off.follow(source);
  expect(await tipOf(off)).toBeUndefined();
  for (const prepare of [() => asked(1), () => rmSync(join(folder, "log.jsonl"))]) {
    prepare();
    const suggestions = made();
    suggestions.follow(source);
    expect(await tipOf(suggestions)).toBeUndefined();
  }
});

test("looks at the end of a long log alone, and passes over what is no entry", async () => {
  asked(3, `${"x".repeat(300_000)}\nnull\n17\n{"time":"2026-01-01T00:00:00Z","kind":"sign"}\n`);
  const suggestions = made();
  suggestions.follow(source);
  expect(await tipOf(suggestions)).toMatch(TIP);
});

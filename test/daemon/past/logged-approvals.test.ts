/** What was approved before a guard began counts for it as if it had asked itself. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { auditEvent, type Decided } from "../../../src/audit/event.ts";
import { LoggedApprovals } from "../../../src/daemon/past/logged-approvals.ts";
import { createPast } from "../../../src/daemon/past/past.ts";
import { exactRule, ruleKey } from "../../../src/policy/exact-rule.ts";
import type { Caller, Process, Request } from "../../../src/policy/request.ts";
import { caller, gitSignature, login } from "../../support/policy.ts";

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mg-"));
  log = join(folder, "log.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const approved = (fields: Partial<Decided> = {}, minutes = 0): string => {
  const decided = {
    decision: "allow",
    by: "approver:terminal",
    request: login,
    caller,
    waitedMs: 1,
  } as const;
  return JSON.stringify(auditEvent({ time: new Date(minutes * 60_000), id: "e", ...decided, ...fields }));
};
const write = (...lines: string[]): void => writeFileSync(log, `${lines.join("\n")}\n`, { mode: 0o600 });

async function count(request: Request = login, asking: Caller = caller, outside = false): Promise<number> {
  const rule = exactRule(request, asking, outside);
  if (!rule) throw new Error("no rule");
  const approvals = new LoggedApprovals(log);
  await approvals.ready();
  return approvals.of(ruleKey(rule));
}

test("each answer of a person once, and those to the same question together", async () => {
  write(approved(), approved(), approved({}, 1), approved({ request: gitSignature }, 2), "17", "null", "{");
  expect(await count()).toBe(2);
  expect(await count({ ...login, user: "root" })).toBe(0);
});

test("no denial, no rule, and nothing that an earlier answer covered", async () => {
  write(
    approved({ decision: "deny" }),
    approved({ by: "rule:x" }, 1),
    approved({ by: "grant:e" }, 2),
    approved({ caller: undefined }, 3),
  );
  expect(await count()).toBe(0);
});

test("in each run of a name, whether its rule counts outside too or not, and none outside", async () => {
  const holder: Process = { pid: 9, startTime: "9", name: "muxguard run", cmdline: [] };
  const inRun = (name: string): Caller => {
    return { ...caller, ancestors: [...caller.ancestors, holder], run: { name, pid: 9 } };
  };
  write(approved({ caller: inRun("claude") }), approved({ caller: inRun("claude") }, 1));
  expect(await count(login, inRun("claude"))).toBe(2);
  expect(await count(login, inRun("claude"), true)).toBe(2);
  expect(await count(login, inRun("other"))).toBe(0);
  expect(await count()).toBe(0);
});

test("none where there is no log, and none that came after the guard began to ask", async () => {
  expect(await count()).toBe(0);
  write(approved({ time: new Date(Date.now() + 60_000) }), approved());
  expect(await count()).toBe(1);
});

test("a log that never comes to an end keeps no question waiting", async () => {
  const suggest = { config: { suggest: true }, paths: { log, told: join(folder, "told.json") } };
  const past = createPast(suggest);
  past.suggestions.ready = () => new Promise(() => {});
  write(approved());
  await past.ready();
  const rule = exactRule(login, caller);
  expect(rule && past.approvals(ruleKey(rule))).toBe(1);
});

import { expect, test } from "vitest";
import type { AuditEvent } from "../../src/audit/event.ts";
import {
  Difference,
  findAllowed,
  findAnswered,
  findDenied,
  findDeniedSession,
  findUnattended,
} from "../../src/demo/findings.ts";

const host = "db.example";

function event(decision: AuditEvent["decision"], by: string, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    time: "2026-11-22T10:00:00.000Z",
    id: "abc234",
    kind: "sign",
    host,
    verified: true,
    decision,
    by,
    ...more,
  };
}

const yes = event("allow", "approver:terminal");
const no = event("deny", "approver:terminal", { reason: "you said no" });

test.each([
  ["a yes that is remembered", 0, [yes, event("allow", "grant:abc234")], /still holds/],
  ["a yes for once, and another", 0, [yes, yes], /asked again/],
  ["a yes for once, and a no", 255, [yes, no], /asked again.*denied by you/],
  ["a no", 255, [no], /denied by you/],
  [
    "no answer",
    255,
    [event("deny", "fault:timeout", { reason: "no answer within 60 seconds" })],
    /no answer/,
  ],
])("tells of %s", (_, exitCode, events, told) => {
  expect(findAnswered({ exitCode, events }, host).join("; ")).toMatch(told);
});

test.each([
  ["nothing in the log", 0, []],
  ["another rule", 0, [event("allow", "rule:other")]],
  ["another decision", 0, [event("deny", "rule:git")]],
  ["another host", 0, [event("allow", "rule:git", { host: "prod.example" })]],
  ["a host that proved no key", 0, [event("allow", "rule:git", { verified: false })]],
  ["one decision too many", 0, [event("allow", "rule:git"), event("allow", "rule:git")]],
  ["a login that failed all the same", 255, [event("allow", "rule:git")]],
])("takes %s for a failure", (_, exitCode, events) => {
  expect(() => findAllowed({ exitCode, events }, host, "git")).toThrow(Difference);
});

test.each([
  ["a grant of another answer", 0, [yes, event("allow", "grant:zzzzzz")]],
  ["no question", 0, [event("allow", "default"), event("allow", "default")]],
  ["a fault of the guard", 255, [event("deny", "fault:internal")]],
  ["no second login", 0, [yes]],
])("takes %s for a failure where somebody was asked", (_, exitCode, events) => {
  expect(() => findAnswered({ exitCode, events }, host)).toThrow(Difference);
});

test("takes a login that went through in spite of its denial for a failure", () => {
  const denied = event("deny", "rule:no");
  expect(findDenied({ exitCode: 255, events: [denied] }, host, "no")).toMatch(/denied/);
  expect(() => findDenied({ exitCode: 0, events: [denied] }, host, "no")).toThrow(Difference);
  expect(() => findUnattended({ exitCode: 255, events: [denied] }, host)).toThrow(Difference);
});

test("takes a denied session whose ssh logged in by itself for a failure", () => {
  const outcome = { exitCode: 255, events: [event("deny", "default", { kind: "session" })] };
  expect(findDeniedSession(outcome, host, 0)).toMatch(/no login/);
  expect(() => findDeniedSession(outcome, host, 1)).toThrow(Difference);
  const login = { exitCode: 255, events: [event("deny", "default")] };
  expect(() => findDeniedSession(login, host, 0)).toThrow(Difference);
});

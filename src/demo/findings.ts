/** What the log of a step has to say, and what it said: a demo that shows something else has failed. */
import type { AuditEvent } from "../audit/event.ts";
import { visible } from "../policy/visible.ts";

/** What a step left behind. */
export interface Outcome {
  /** The exit code of its last command. */
  exitCode: number;
  /** The decisions, in their order. */
  events: readonly AuditEvent[];
}

/** How long a step took. */
export interface Timed {
  seconds: number;
}

/** Did not go as it should. */
export class Difference extends Error {
  override name = "Difference";
}

/** ssh's own for a login that failed. ssh(1). */
const SSH_FAILED = 255;

/** @throws Difference */
export function findAllowed(outcome: Outcome, host: string, rule: string): string {
  expectDecision(outcome, 0, { host, decision: "allow", by: `rule:${rule}` });
  expectEnd(outcome, 1, 0);
  return `allowed by the rule "${rule}"; nobody was asked.`;
}

/** @throws Difference */
export function findDenied(outcome: Outcome, host: string, rule: string): string {
  expectDecision(outcome, 0, { host, decision: "deny", by: `rule:${rule}` });
  expectEnd(outcome, 1, SSH_FAILED);
  return `denied by the rule "${rule}"; the key was not used.`;
}

/** Asked where there is nobody to ask. @throws Difference */
export function findUnattended(outcome: Outcome, host: string): string {
  expectDecision(outcome, 0, { host, decision: "deny", by: "fault:approver" });
  expectEnd(outcome, 1, SSH_FAILED);
  return "denied: without a terminal there is nobody to ask, and no answer is a no.";
}

/** Asked on a terminal, and asked once more after a yes. The answers are the user's. @throws Difference */
export function findAnswered(outcome: Outcome, host: string): string[] {
  const [first, second] = outcome.events;
  expectDecision(outcome, 0, { host });
  if (!first || !isAnswer(first)) throw differs(outcome, "a question");
  if (first.decision === "deny") {
    expectEnd(outcome, 1, SSH_FAILED);
    return [describeAnswer(first)];
  }
  expectDecision(outcome, 1, { host });
  const granted = second?.by === `grant:${first.id}`;
  if (!second || !(granted ? second.decision === "allow" : isAnswer(second)))
    throw differs(outcome, "the same answer, or the same question again");
  expectEnd(outcome, 2, second.decision === "allow" ? 0 : SSH_FAILED);
  const again = granted
    ? "then allowed without asking, as your answer still holds."
    : `then asked again, as your answer was for once: ${describeAnswer(second)}`;
  return [describeAnswer(first), again];
}

/** A login for itself, and one that others share, which is the guard's own. @throws Difference */
export function findOpened(login: Outcome, opened: Outcome, host: string): string {
  expectDecision(login, 0, { kind: "sign", host, decision: "allow" });
  expectEnd(login, 1, 0);
  expectDecision(opened, 0, { kind: "connect", host, decision: "allow" });
  expectDecision(opened, 1, { kind: "sign", host, decision: "allow" });
  expectEnd(opened, 2, 0);
  return "open. Its socket has no name any more: every session goes through muxguard.";
}

/** @throws Difference */
export function findAllowedSession(outcome: Outcome, host: string, rule: string): string {
  expectDecision(outcome, 0, { kind: "session", host, decision: "allow", by: `rule:${rule}` });
  expectEnd(outcome, 1, 0);
  return `allowed by the rule "${rule}"; nobody logged in, and no key was used.`;
}

/** What sharing is for: how long the first login took, and how long a session over its like. */
export function findSpeed(login: Timed, session: Timed): string {
  const [first, second] = [login, session].map(({ seconds }) => `${seconds.toFixed(3)} s`);
  const times = (login.seconds / session.seconds).toFixed(1);
  return `a login took ${first}, this session ${second}: ${times} times as fast. The further away, the more.`;
}

/** @param logins how many logins the server has seen meanwhile @throws Difference */
export function findDeniedSession(outcome: Outcome, host: string, logins: number): string {
  expectDecision(outcome, 0, { kind: "session", host, decision: "deny", by: "default" });
  expectEnd(outcome, 1, SSH_FAILED);
  if (logins > 0) throw new Difference(`expected no login instead; the server has seen ${logins}`);
  return "denied, and ssh did not log in by itself instead: the server has seen no login since.";
}

/** No answer in time is one, and so is that nobody could be asked after all, as in the background. */
function isAnswer({ by }: AuditEvent): boolean {
  return by.startsWith("approver:") || by === "fault:timeout" || by === "fault:approver";
}

function describeAnswer({ decision, by, reason = "" }: AuditEvent): string {
  if (!by.startsWith("approver:")) return `denied: ${visible(reason)}`;
  return decision === "allow" ? "allowed by you." : "denied by you.";
}

type Facts = Partial<Pick<AuditEvent, "kind" | "host" | "decision" | "by">>;

/** Every login of the demo is to a host that proved its key. */
function expectDecision(outcome: Outcome, at: number, facts: Facts): void {
  const expected = { verified: true, ...facts };
  const event: Partial<AuditEvent> = outcome.events[at] ?? {};
  const names = Object.keys(expected) as (keyof typeof expected)[];
  if (names.some((name) => event[name] !== expected[name])) throw differs(outcome, JSON.stringify(expected));
}

function expectEnd(outcome: Outcome, decisions: number, exitCode: number): void {
  if (outcome.events.length !== decisions || outcome.exitCode !== exitCode)
    throw differs(outcome, `${decisions} in the log and the exit code ${exitCode}`);
}

function differs({ events, exitCode }: Outcome, expected: string): Difference {
  const seen = events.map(({ kind, decision, by, host, verified }) => ({
    kind,
    decision,
    by,
    host,
    verified,
  }));
  return new Difference(
    `expected ${expected}; the log has ${JSON.stringify(seen)}, and the exit code is ${exitCode}`,
  );
}

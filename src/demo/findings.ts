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

/** No answer in time is one, and so is that nobody could be asked after all, as in the background. */
function isAnswer({ by }: AuditEvent): boolean {
  return by.startsWith("approver:") || by === "fault:timeout" || by === "fault:approver";
}

function describeAnswer({ decision, by, reason = "" }: AuditEvent): string {
  if (!by.startsWith("approver:")) return `denied: ${visible(reason)}`;
  return decision === "allow" ? "allowed by you." : "denied by you.";
}

type Facts = Partial<Pick<AuditEvent, "host" | "decision" | "by">>;

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
  const seen = events.map(({ decision, by, host, verified }) => ({ decision, by, host, verified }));
  return new Difference(
    `expected ${expected}; the log has ${JSON.stringify(seen)}, and the exit code is ${exitCode}`,
  );
}

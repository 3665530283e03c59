/**
 * The guard's surroundings, small enough to see through: an approver that a test answers for, a scope, and
 * one who asks.
 */
import { expect } from "vitest";
import type { Approver } from "../../src/approver/approver.ts";
import type { Decided } from "../../src/audit/event.ts";
import type { Settings } from "../../src/guard/decide/asked.ts";
import type { Asking } from "../../src/guard/decide/asking.ts";
import { Broker, type BrokerParts } from "../../src/guard/decide/broker.ts";
import { Questions } from "../../src/guard/decide/questions.ts";
import type { Scope } from "../../src/guard/decide/scope.ts";
import type { Asker } from "../../src/guard/decide/verdict.ts";
import { Grants } from "../../src/policy/grants.ts";
import { emptyPolicy, type Policy } from "../../src/policy/policy.ts";
import type { Answer, Question } from "../../src/policy/question.ts";
import type { Caller } from "../../src/policy/request.ts";
import { login, caller as usualCaller } from "./policy.ts";

export const yes = (remember: (Answer & { decision: "allow" })["remember"] = "once"): Answer => ({
  decision: "allow",
  remember,
});
export const no: Answer = { decision: "deny", reason: "you said no" };

/** What a stub was asked, and the ways to answer. */
export interface Asked {
  question: Question;
  signal: AbortSignal;
  answer(answer: Answer): void;
  fail(error: Error): void;
}

/** An approver that waits for the test to answer. */
export class StubApprover implements Approver {
  readonly kind: string;
  readonly asked: Asked[] = [];
  #arrived: (() => void) | undefined;

  constructor(kind = "terminal") {
    this.kind = kind;
  }

  unavailable(): string | undefined {
    return undefined;
  }

  ask(question: Question, signal: AbortSignal): Promise<Answer> {
    return new Promise((answer, fail) => {
      this.asked.push({ question, signal, answer, fail });
      this.#arrived?.();
    });
  }

  /** The question that it is asked as the first, second, third; waits for it. */
  async nth(count: number): Promise<Asked> {
    while (this.asked.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.asked[count - 1] as Asked;
  }
}

/** An approver that gives the same answer each time. */
export function answering(answer: Answer, kind = "terminal"): Approver {
  return { kind, unavailable: () => undefined, ask: () => Promise.resolve(answer) };
}

export function failing(reason: string, kind = "terminal"): Approver {
  return { kind, unavailable: () => undefined, ask: () => Promise.reject(new Error(reason)) };
}

export interface TestScope extends Scope {
  reports: string[];
}

export function makeScope(policy: Policy = emptyPolicy, more: Partial<Scope> = {}): TestScope {
  const reports: string[] = [];
  return {
    policy: () => policy,
    approvers: [],
    queue: "closed",
    report: (line) => void reports.push(line),
    ...more,
    reports,
  };
}

export interface TestAsker extends Asker {
  /** The client goes away. */
  leave(): void;
}

export function makeAsker(
  caller: Caller | undefined = usualCaller,
  isUnchanged = (): boolean => true,
): TestAsker {
  const gone = new AbortController();
  return { caller, isUnchanged, gone: gone.signal, leave: () => gone.abort() };
}

export interface TestBroker {
  broker: Broker;
  questions: Questions;
  grants: Grants;
  /** What was written to the log. */
  log: Decided[];
  clock: { now: number };
}

export function makeBroker(
  settings: Partial<Settings> = {},
  record?: (decided: Decided) => void,
  sessionEnd?: BrokerParts["sessionEnd"],
  questions = new Questions(),
  isLocked = (): boolean => false,
): TestBroker {
  const log: Decided[] = [];
  const clock = { now: 0 };
  const grants = new Grants(() => clock.now);
  const broker = new Broker({
    record: record ?? ((decided) => void log.push(decided)),
    grants,
    questions,
    settings: {
      remember: 600_000,
      timeout: 60_000,
      yes: "remember",
      longest: 43_200_000,
      offerAfter: 3,
      ...settings,
    },
    now: () => clock.now,
    isLocked,
    ...(sessionEnd && { sessionEnd }),
  });
  return { broker, questions, grants, log, clock };
}

// --- questions without a broker

let made = 0;

export function question(fields: Partial<Question> = {}): Question {
  const fixed = {
    request: login,
    caller: usualCaller,
    because: "default" as const,
    count: 1,
    choices: ["once" as const],
  };
  const asked = "2026-01-01T00:00:00.000Z";
  return { id: `q${++made}`, ...fixed, yes: "once", asked, timeout: 60_000, ...fields };
}

export function asking(fields: Partial<Asking> = {}): Asking {
  return {
    question: question(),
    covered: "the same",
    approvers: [],
    queue: "closed",
    onlyQueue: () => {},
    ...fields,
  };
}

/** A client that stays. */
export const staying = (): AbortSignal => new AbortController().signal;

/** A denial by this fault, for this reason. */
export const denied = (by: string, reason: RegExp): object => ({
  by,
  answer: { decision: "deny", reason: expect.stringMatching(reason) },
});

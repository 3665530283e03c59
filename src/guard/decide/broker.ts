/**
 * The decision: policy, then grant, then approver, then the log; only then may the caller of decide() act.
 * Whatever goes wrong on the way is a denial that says what went wrong.
 */

import type { Approver } from "../../approver/approver.ts";
import type { Decided } from "../../audit/event.ts";
import { messageOf } from "../../errors.ts";
import { asPlainSession, coverage, denialCoverage, sessionsCovered, whoAsks } from "../../policy/coverage.ts";
import { describeProgram } from "../../policy/describe/caller.ts";
import { describeDecision, describeRequest } from "../../policy/describe/describe.ts";
import { type AskRuling, type DecidedBy, evaluate } from "../../policy/evaluate.ts";
import { exactRule, formatRule } from "../../policy/exact-rule.ts";
import type { Granted, Grants, Life, Remember } from "../../policy/grants.ts";
import type { Rule } from "../../policy/policy.ts";
import type { Question } from "../../policy/question.ts";
import type { Caller, Request } from "../../policy/request.ts";
import { capped, choicesOf } from "./choices.ts";
import { newId } from "./ids.ts";
import type { Asking, Questions } from "./questions.ts";
import { RelatedDecisions } from "./related-decisions.ts";
import type { Scope } from "./scope.ts";

export interface Verdict {
  id: string;
  decision: "allow" | "deny";
  by: DecidedBy;
  /** For a denial: why, and what to do about it. */
  reason?: string;
}

/** Who waits for the verdict. */
export interface Asker {
  /** As identified when the request came; undefined if that failed. */
  caller: Caller | undefined;
  /** Whether the process is still there and still the same program. */
  isUnchanged(): boolean;
  /** Aborted when it went away. */
  gone: AbortSignal;
  /** Called when somebody else than the user of the asker's own terminal is asked. */
  waiting?(question: Question): void;
  /** Called when a person is about to be asked. */
  asking?(): void;
  /** True if it is the process that logged in for the connection that it now wants to use. */
  isMaker?: boolean;
  /** True if it tells its user of a denial by itself. */
  tells?: boolean;
}

export interface Fault {
  what: string;
  reason: string;
  /** Of the approval that it takes back, if there was one. */
  id?: string;
}

export interface Settings {
  /** How long an approval is remembered if nothing else is said, in milliseconds. */
  remember: number;
  /** After how long no answer is a denial, in milliseconds. */
  timeout: number;
  /** What a plain yes means, where an approver has just yes and no. */
  yes: "once" | "remember";
  /** After how many approvals of the same a question shows the rule that "always" writes. */
  offerAfter: number;
}

export interface BrokerParts {
  /** Returns once the entry is out of reach of a crash. Throws if it could not be written. */
  record: (decided: Decided) => void;
  grants: Grants;
  questions: Questions;
  settings: Settings;
  /** A clock in milliseconds that nobody can set. */
  now: () => number;
  /** Whether everything is to be denied. */
  isLocked?: () => boolean;
  /** What says whether the caller's login session is over; undefined where nobody can. */
  sessionEnd?: (caller: Caller) => (() => boolean) | undefined;
}

type Decision = Omit<Verdict, "id"> & {
  /** For how long a person's answer is remembered, and how that is done once it is in the log. */
  remember?: Remember;
  keep?: () => void | Promise<void>;
};

interface Asked {
  id: string;
  request: Request;
  caller: Caller;
  covered: string | undefined;
  ruling: AskRuling;
  asker: Asker;
  sessionIsOver: (() => boolean) | undefined;
  /** What "always" would write. */
  rule: Rule | undefined;
}

const MAX_COUNTED = 4096;

/**
 * For how long a person's no stands against the same request, in milliseconds: a program that tries again is
 * not asked about at once.
 */
const DENIED_FOR = 30_000;

export class Broker {
  readonly #parts: BrokerParts;
  readonly #related: RelatedDecisions;
  /** How often a person approved what a rule could. */
  readonly #approvals = new Map<string, number>();

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#related = new RelatedDecisions(parts.now);
  }

  /** Never rejects. When it resolves, the decision is in the log. */
  async decide(request: Request, asker: Asker, scope: Scope): Promise<Verdict> {
    const { now } = this.#parts;
    const id = newId();
    const began = now();
    const decision = await this.#decide(id, request, asker, scope).catch(internalFault);
    const verdict = this.#record(id, request, asker, scope, decision, now() - began);
    this.#related.add(request, asker.caller, scope.run?.id, verdict);
    if (verdict.decision === decision.decision) await keepAnswer(decision, scope);
    return verdict;
  }

  /**
   * A connection that was allowed covers what the ssh that makes it needs: a key to log in there, unless a
   * rule denies that.
   */
  cover(ssh: Caller, connect: Request, verdict: Verdict): void {
    this.#related.cover(ssh, connect, verdict);
  }

  /** What was allowed a moment ago covers nothing more. */
  forget(): void {
    this.#related.forget();
  }

  /** Denies without asking the policy, for a reason that lies outside of it. */
  refuse(
    request: Request,
    asker: Asker,
    scope: Pick<Scope, "report">,
    { what, reason, id = newId() }: Fault,
  ): Verdict {
    return this.#record(id, request, asker, scope, denial(`fault:${what}`, reason), 0);
  }

  async #decide(id: string, request: Request, asker: Asker, scope: Scope): Promise<Decision> {
    const { caller } = asker;
    if (!caller) return denial("fault:caller", "the process that asks has ended or can't be identified");
    const current = scope.policy(caller);
    const policy = current instanceof Promise ? await current : current;
    if (this.#parts.isLocked?.()) return denial("fault:locked", "muxguard is locked (muxguard unlock)");
    const ruling = evaluate(policy, request, caller);
    if (ruling.action === "deny")
      return denial(ruling.by, ruling.by === "default" ? "no rule allows it" : undefined);
    const denied = this.#related.denial(request, caller, scope.run?.id);
    if (denied !== undefined)
      return denial("fault:denied", `a session there was denied a moment ago (${denied})`);
    if (ruling.action === "allow") return { decision: "allow", by: ruling.by };
    const covered = ruling.remember === 0 ? undefined : coverage(request, caller, scope.run?.id);
    const remembered = this.#remembered({ request, caller, covered, ruling, asker }, scope);
    if (remembered) return remembered;
    const decision = await this.#ask(
      this.#asked({ id, request, caller, covered, ruling, asker }, scope),
      scope,
    );
    if (decision.decision === "allow" && !asker.isUnchanged()) {
      return denial(
        "fault:caller",
        "while the question was open, the process ended or became another program",
      );
    }
    return decision;
  }

  /** What an earlier answer says. */
  #remembered(asked: Omit<Asked, "id" | "sessionIsOver" | "rule">, scope: Scope): Decision | undefined {
    const { request, caller, covered, ruling, asker } = asked;
    const { grants } = this.#parts;
    const no = grants.denial(denialCoverage(request, caller, scope.run?.id));
    if (no !== undefined)
      return denial(`grant:${no}`, `you denied the same before; to be asked again: muxguard forget ${no}`);
    const shared = covered && asPlainSession(request, caller, scope.run?.id, ruling.by);
    const approval = (text?: string) => text && grants.approval(text, ruling.remember);
    const yes = approval(covered) ?? approval(shared);
    // a rule that wants an approver of its own is not met by another's answer
    const followed = ruling.approvers
      ? undefined
      : this.#related.approval(request, caller, asker.isMaker ?? false);
    const allowed = yes ?? followed;
    return allowed === undefined ? undefined : { decision: "allow", by: `grant:${allowed}` };
  }

  #asked(asked: Omit<Asked, "sessionIsOver" | "rule">, scope: Scope): Asked {
    const { request, caller, covered, ruling } = asked;
    const isFree = covered !== undefined && ruling.remember === undefined;
    return {
      ...asked,
      sessionIsOver: isFree && !scope.run ? this.#parts.sessionEnd?.(caller) : undefined,
      rule: isFree && scope.approve ? exactRule(request, caller) : undefined,
    };
  }

  async #ask(asked: Asked, scope: Scope): Promise<Decision> {
    const { covered, ruling, asker } = asked;
    const question = this.#question(asked, scope);
    const allowed = (kind: string): boolean => ruling.approvers?.includes(kind) ?? true;
    const approvers = scope.approvers.filter(({ kind }) => allowed(kind));
    const queue = allowed("queue") ? scope.queue : "closed";
    const onlyQueue = (): void => scope.report(waitingLine(question));
    if (asker.waiting && !approvers.some(isTerminalThere)) asker.waiting(question);
    asker.asking?.();
    const { answer, by } = await this.#parts.questions.ask(
      { question, covered, ...alikeness(asked, question, scope), approvers, queue, onlyQueue },
      asker.gone,
    );
    return answer.decision === "deny"
      ? {
          ...denial(by, answer.reason),
          ...(by.startsWith("approver:") && this.#denying(asked, scope, answer.remember)),
        }
      : { decision: "allow", by, ...this.#allowing(asked, scope, capped(answer.remember, question)) };
  }

  #denying(asked: Asked, { run }: Scope, remember?: { milliseconds: number }): Partial<Decision> {
    const { request, caller } = asked;
    const granted = grantedBy(asked, denialCoverage(request, caller, run?.id));
    const milliseconds = Math.max(DENIED_FOR, remember?.milliseconds ?? 0);
    const keep = (): void => this.#parts.grants.deny(granted, milliseconds, { run: run?.id });
    return { ...(remember && { remember }), keep };
  }

  #allowing(asked: Asked, scope: Scope, remember: Remember): Partial<Decision> {
    const { request, caller, covered, ruling, rule, sessionIsOver } = asked;
    this.#countApproval(rule);
    if (covered === undefined) return { remember };
    if (remember === "always") return { remember, keep: () => rule && scope.approve?.(rule) };
    const life: Life = { run: scope.run?.id, sessionIsOver };
    const alsoCovered = sessionsCovered(request, caller, scope.run?.id, ruling.by);
    const granted = { ...grantedBy(asked, covered), alsoCovered };
    const keep = (): void => void this.#parts.grants.allow(granted, remember, life);
    return { remember, keep };
  }

  #question(asked: Asked, scope: Scope): Question {
    const { id, request, caller, covered, ruling, rule, sessionIsOver } = asked;
    const { settings } = this.#parts;
    const longest = covered === undefined ? 0 : ruling.remember;
    const lasting = {
      run: scope.run !== undefined,
      session: sessionIsOver !== undefined,
      always: rule !== undefined,
    };
    const choices = choicesOf(longest, settings.remember, lasting);
    const [once, usual = once] = choices;
    return {
      id,
      request,
      caller,
      because: ruling.by,
      count: 1,
      choices,
      ...(longest !== undefined && { longest }),
      yes: settings.yes === "once" ? once : usual,
      denyFor: settings.remember,
      ...(rule && this.#ruleFacts(rule)),
      asked: new Date().toISOString(),
      timeout: ruling.timeout ?? settings.timeout,
    };
  }

  #ruleFacts(rule: Rule): Pick<Question, "rule" | "approvals"> {
    const lines = formatRule(rule);
    const approvals = this.#approvals.get(lines.join("\n")) ?? 0;
    return { rule: lines, ...(approvals >= this.#parts.settings.offerAfter && { approvals }) };
  }

  /** Counts by the rule that "always" would write: it is the same in the next run. */
  #countApproval(rule: Rule | undefined): void {
    if (!rule || this.#approvals.size >= MAX_COUNTED) return;
    const key = formatRule(rule).join("\n");
    this.#approvals.set(key, (this.#approvals.get(key) ?? 0) + 1);
  }

  /** The last step before the effect. What can't be logged is denied. */
  #record(
    id: string,
    request: Request,
    { caller, tells }: Asker,
    scope: Pick<Scope, "report">,
    decision: Decision,
    waitedMs: number,
  ): Verdict {
    const { remember, keep: _, ...decided } = decision;
    const verdict: Verdict = { id, ...decided };
    const remembered = remember !== undefined && { remember };
    try {
      this.#parts.record({ time: new Date(), request, caller, waitedMs, ...verdict, ...remembered });
      if (verdict.decision === "deny" && !tells) scope.report(denialLine(request, verdict));
      return verdict;
    } catch (error) {
      const reason = `the log can't be written: ${messageOf(error)}`;
      const denied: Verdict = { id, ...denial("fault:log", reason) };
      scope.report(denialLine(request, denied));
      return denied;
    }
  }
}

/**
 * By what questions are gathered, and counted. Those of other rules, or with other choices, stay apart; so
 * does what nobody proved.
 */
function alikeness(
  { request, caller, covered }: Asked,
  question: Question,
  { run }: Scope,
): Pick<Asking, "alike" | "who"> {
  const who = whoAsks(caller, run?.id);
  if (covered === undefined || request.forwarded || !request.destination?.verified) return { who };
  const anywhere = { ...request, destination: { verified: true, names: [], how: "" } };
  const { because, choices, longest, timeout } = question;
  return {
    who,
    alike: JSON.stringify([coverage(anywhere, caller, run?.id), because, choices, longest, timeout]),
  };
}

/** A question on the asker's own terminal says by itself that it waits. */
function isTerminalThere(approver: Approver): boolean {
  return approver.kind === "terminal" && approver.unavailable() === undefined;
}

function denial(by: DecidedBy, reason: string | undefined): Decision {
  return { decision: "deny", by, ...(reason !== undefined && { reason }) };
}

function internalFault(error: unknown): Decision {
  return denial("fault:internal", messageOf(error));
}

/** What is said while a person decides. */
export function waitingLine({ id, request }: Question): string {
  return `muxguard: waiting for approval: ${describeRequest(request)} (muxguard approve ${id})`;
}

/** The words of every denial: `muxguard: denied: log in to prod as root with key "work" (rule "no prod")`. */
export function denialLine(request: Request, { by, reason }: Verdict): string {
  return `muxguard: denied: ${describeRequest(request)} (${describeDecision(by, reason)})`;
}

/** What is decided stands, whether or not it can be remembered. */
async function keepAnswer({ keep }: Decision, scope: Scope): Promise<void> {
  try {
    await keep?.();
  } catch (error) {
    scope.report(`muxguard: this can't be remembered: ${messageOf(error)}`);
  }
}

function grantedBy({ id, request, caller }: Asked, covered: string): Granted {
  return { id, covered, what: `${describeProgram(caller)}: ${describeRequest(request)}` };
}

/**
 * The decision: policy, then grant, then approver, then the log; only then may the caller of decide() act. Whatever goes wrong on the way is a
 * denial that says what went wrong.
 */
import { randomInt } from "node:crypto";
import type { Approver } from "../approver/approver.ts";
import type { Decided } from "../audit/event.ts";
import { describeDecision, describeRequest } from "../policy/describe.ts";
import { type AskRuling, type DecidedBy, evaluate } from "../policy/evaluate.ts";
import { coverage, type Grants, type Remember } from "../policy/grants.ts";
import type { Question } from "../policy/question.ts";
import type { Caller, Request } from "../policy/request.ts";
import type { Questions } from "./questions.ts";
import { Recent } from "./recent.ts";
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
}

export interface BrokerParts {
  /** Returns once the entry is out of reach of a crash. Throws if it could not be written. */
  record: (decided: Decided) => void;
  grants: Grants;
  questions: Questions;
  settings: Settings;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

type Decision = Omit<Verdict, "id"> & {
  /** For how long a person's approval is remembered, and what it covers. */
  remember?: Remember;
  covered?: string;
};

interface Asked {
  id: string;
  request: Request;
  caller: Caller;
  covered: string | undefined;
  ruling: AskRuling;
  asker: Asker;
}

export class Broker {
  readonly #parts: BrokerParts;
  readonly #recent: Recent;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#recent = new Recent(parts.now);
  }

  /** Never rejects. When it resolves, the decision is in the log. */
  async decide(request: Request, asker: Asker, scope: Scope): Promise<Verdict> {
    const { now } = this.#parts;
    const id = newId();
    const began = now();
    const decision = await this.#decide(id, request, asker, scope).catch(internalFault);
    const verdict = this.#record(id, request, asker, scope, decision, now() - began);
    this.#recent.add(request, asker.caller, scope.run?.id, verdict);
    const { covered, remember } = decision;
    if (verdict.decision === "allow" && covered !== undefined && remember) {
      this.#parts.grants.add(id, covered, remember, scope.run?.id);
    }
    return verdict;
  }

  /** A connection that was allowed covers what the ssh that makes it needs: a key to log in there, unless a rule denies that. */
  cover(ssh: Caller, connect: Request, verdict: Verdict): void {
    this.#recent.cover(ssh, connect, verdict);
  }

  /** Denies without asking the policy, for a reason that lies outside of it. */
  refuse(request: Request, asker: Asker, scope: Scope, { what, reason, id = newId() }: Fault): Verdict {
    return this.#record(id, request, asker, scope, denial(`fault:${what}`, reason), 0);
  }

  async #decide(id: string, request: Request, asker: Asker, scope: Scope): Promise<Decision> {
    const { caller } = asker;
    if (!caller) return denial("fault:caller", "the process that asks has ended or can't be identified");
    const current = scope.policy();
    const ruling = evaluate(current instanceof Promise ? await current : current, request, caller);
    if (ruling.action === "deny")
      return denial(ruling.by, ruling.by === "default" ? "no rule allows it" : undefined);
    const denied = this.#recent.denial(request, caller, scope.run?.id);
    if (denied !== undefined)
      return denial("fault:denied", `a session there was denied a moment ago (${denied})`);
    if (ruling.action === "allow") return { decision: "allow", by: ruling.by };
    const covered = ruling.remember === 0 ? undefined : coverage(request, caller, scope.run?.id);
    const grant = covered === undefined ? undefined : this.#parts.grants.find(covered, ruling.remember);
    if (grant) return { decision: "allow", by: `grant:${grant.id}` };
    // a rule that wants an approver of its own is not met by another's answer
    const approved = ruling.approvers
      ? undefined
      : this.#recent.approval(request, caller, asker.isMaker ?? false);
    if (approved !== undefined) return { decision: "allow", by: `grant:${approved}` };
    const decision = await this.#ask({ id, request, caller, covered, ruling, asker }, scope);
    if (decision.decision === "deny") return decision;
    if (!asker.isUnchanged()) {
      return denial(
        "fault:caller",
        "while the question was open, the process ended or became another program",
      );
    }
    return { ...decision, ...(covered !== undefined && { covered }) };
  }

  async #ask(asked: Asked, scope: Scope): Promise<Decision> {
    const { covered, ruling, asker } = asked;
    const question = this.#question(asked, scope);
    const allowed = (kind: string): boolean => ruling.approvers?.includes(kind) ?? true;
    const approvers = scope.approvers.filter(({ kind }) => allowed(kind));
    const queue = allowed("queue") ? scope.queue : "closed";
    const onlyQueue = (): void => scope.report(waitingLine(question));
    if (asker.waiting && !approvers.some(isTerminalThere)) asker.waiting(question);
    const { answer, by } = await this.#parts.questions.ask(
      { question, covered, approvers, queue, onlyQueue },
      asker.gone,
    );
    if (answer.decision === "deny") return denial(by, answer.reason);
    return { decision: "allow", by, remember: capped(answer.remember, question.longest) };
  }

  #question({ id, request, caller, covered, ruling }: Asked, scope: Scope): Question {
    const { settings } = this.#parts;
    const longest = covered === undefined ? 0 : ruling.remember;
    const choices = choicesOf(longest, settings.remember, scope.run !== undefined);
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
      asked: new Date().toISOString(),
      timeout: ruling.timeout ?? settings.timeout,
    };
  }

  /** The last step before the effect. What can't be logged is denied. */
  #record(
    id: string,
    request: Request,
    { caller, tells }: Asker,
    scope: Scope,
    decision: Decision,
    waitedMs: number,
  ): Verdict {
    const { remember, covered: _, ...decided } = decision;
    const verdict: Verdict = { id, ...decided };
    const remembered = decision.decision === "allow" && remember !== undefined && { remember };
    try {
      this.#parts.record({ time: new Date(), request, caller, waitedMs, ...verdict, ...remembered });
      if (verdict.decision === "deny" && !tells) scope.report(denialLine(request, verdict));
      return verdict;
    } catch (error) {
      const reason = `the log can't be written: ${error instanceof Error ? error.message : "unknown error"}`;
      const denied: Verdict = { id, ...denial("fault:log", reason) };
      scope.report(denialLine(request, denied));
      return denied;
    }
  }
}

/** A question on the asker's own terminal says by itself that it waits. */
function isTerminalThere(approver: Approver): boolean {
  return approver.kind === "terminal" && approver.unavailable() === undefined;
}

function denial(by: DecidedBy, reason: string | undefined): Decision {
  return { decision: "deny", by, ...(reason !== undefined && { reason }) };
}

function internalFault(error: unknown): Decision {
  return denial("fault:internal", error instanceof Error ? error.message : "unknown error");
}

/** What is said while a person decides. */
export function waitingLine({ id, request }: Question): string {
  return `muxguard: waiting for approval: ${describeRequest(request)} (muxguard approve ${id})`;
}

/** The words of every denial: `muxguard: denied: log in to prod as root with key "work" (rule "no prod")`. */
export function denialLine(request: Request, { by, reason }: Verdict): string {
  return `muxguard: denied: ${describeRequest(request)} (${describeDecision(by, reason)})`;
}

/** What the question may offer: what the rule allows, and a run's length only inside of a run. */
function choicesOf(longest: number | undefined, usual: number, inRun: boolean): [Remember, ...Remember[]] {
  if (longest === 0) return ["once"];
  const choices: [Remember, ...Remember[]] = ["once", { milliseconds: Math.min(usual, longest ?? usual) }];
  if (inRun && longest === undefined) choices.push("run");
  return choices;
}

/** What an answer asks to be remembered, within what the rule allows. */
function capped(remember: Remember, longest: number | undefined): Remember {
  if (longest === undefined || remember === "once") return remember;
  if (longest === 0) return "once";
  return { milliseconds: remember === "run" ? longest : Math.min(remember.milliseconds, longest) };
}

/** Six characters that are hard to confuse. They name a question on a command line and an entry in the log. */
function newId(): string {
  let id = "";
  while (id.length < 6) id += ID_ALPHABET[randomInt(ID_ALPHABET.length)];
  return id;
}

const ID_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";

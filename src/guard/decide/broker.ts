/**
 * The decision: policy, then grant, then approver, then the log; only then may the caller of decide() act.
 * Whatever goes wrong on the way is a denial that says what went wrong.
 */
import type { Decided } from "../../audit/event.ts";
import { messageOf } from "../../errors.ts";
import { coverage, terminalOf } from "../../policy/coverage.ts";
import { describeDoubt } from "../../policy/describe/doubt.ts";
import type { Doubt } from "../../policy/doubt.ts";
import { type DecidedBy, evaluate } from "../../policy/evaluate.ts";
import { exactRule } from "../../policy/exact-rule.ts";
import type { Grants, Lasting } from "../../policy/grants.ts";
import {
  type Caller,
  type Destination,
  decidesInFleet,
  type ProcessId,
  type Request,
} from "../../policy/request.ts";
import { Announcing } from "./announcing.ts";
import { ApprovalCounts, type Asked, alikeness, makeQuestion, type Settings } from "./asked.ts";
import { capped } from "./choices.ts";
import {
  coverableOf,
  type Decision,
  denial,
  internalFault,
  keepAnswer,
  Notes,
  rememberedApproval,
  rememberedDenial,
} from "./decision.ts";
import { Earlier, type Matter } from "./earlier.ts";
import { newId } from "./ids.ts";
import type { Past } from "./past.ts";
import type { Questions } from "./questions.ts";
import { type Covered, RelatedDecisions } from "./related-decisions.ts";
import type { Scope } from "./scope.ts";
import { type Asker, denialLine, type Fault, type Verdict } from "./verdict.ts";

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
  /** What was before this guard began. */
  past?: Past;
  /** What says whether a process has ended. */
  processEnd?: (process: ProcessId) => () => boolean;
  /** Why it asks, as the program itself says. Never rejects, never takes long. */
  reasonOf?: (caller: Caller) => Promise<string | undefined>;
}

export class Broker {
  readonly #parts: BrokerParts;
  readonly #related: RelatedDecisions;
  readonly #counts: ApprovalCounts;
  readonly #announcing = new Announcing();
  readonly #notes = new Notes();
  readonly #earlier: Earlier;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#counts = new ApprovalCounts((key) => parts.past?.approvals(key) ?? 0);
    this.#related = new RelatedDecisions(parts.now);
    this.#earlier = new Earlier(parts.grants, this.#related, this.#notes);
  }

  /** Never rejects. When it resolves, the decision is in the log. */
  async decide(request: Request, asker: Asker, scope: Scope): Promise<Verdict> {
    const { now } = this.#parts;
    const id = newId();
    const began = now();
    const decision = await this.#decide(id, request, asker, scope).catch(internalFault);
    const verdict = this.#record(id, request, asker, scope, decision, now() - began);
    this.#related.add(request, asker.caller, scope.run?.id, verdict, decision.doubt);
    if (verdict.decision === decision.decision) await keepAnswer(decision, scope);
    // before who asks hears of it: then it ends, and its shell has the terminal
    if (verdict.decision === "deny" && asker.isMute && asker.caller && !asker.gone.aborted)
      await scope.tellCaller?.(asker.caller, denialLine(request, verdict));
    return verdict;
  }

  /**
   * A connection that was allowed covers what the ssh that makes it needs: a key to log in there, unless a
   * rule denies that; the default is no rule.
   * @param hops the connections to jump hosts that were allowed for it
   */
  cover(ssh: ProcessId, to: Covered, hops: readonly Covered[]): void {
    this.#related.cover(ssh, to, hops);
  }

  /** Whether everything is denied. */
  get isLocked(): boolean {
    return this.#parts.isLocked?.() ?? false;
  }

  /** Whether the caller is an ssh of the guard's own, with a connection there that was allowed. */
  mayLogIn(destination: Destination | undefined, caller: Caller): boolean {
    return this.#related.mayLogIn(destination, caller);
  }

  /** What was allowed a moment ago covers nothing more. */
  forget(): void {
    this.#related.forget();
  }

  /** Denies without asking the policy, for a reason that lies outside of it. */
  refuse(
    request: Request,
    asker: Asker,
    scope: Pick<Scope, "report" | "policyNote">,
    { what, reason, id = newId() }: Fault,
  ): Verdict {
    return this.#record(id, request, asker, scope, denial(`fault:${what}`, reason), 0);
  }

  async #decide(id: string, request: Request, asker: Asker, scope: Scope): Promise<Decision> {
    const { caller, unidentified = "the process that asks has ended or can't be identified" } = asker;
    if (!caller) return denial("fault:caller", unidentified);
    if (scope.refused !== undefined) return denial("fault:inside", scope.refused);
    // else what is guarded could approve its own requests, by way of another machine
    if (scope.run && decidesInFleet(request))
      return denial("fault:inside", "what is inside of a run signs no answers of a fleet");
    const current = scope.policy();
    const policy = current instanceof Promise ? await current : current;
    if (this.isLocked) return locked();
    const ruling = evaluate(policy, request, caller);
    const own = ruling.by === "default" ? this.#earlier.ownLogin(request, caller) : undefined;
    if (ruling.action === "deny" && own === undefined)
      return denial(ruling.by, ruling.by === "default" ? "no rule allows it" : undefined);
    const denied = this.#related.denial(request, caller, scope.run?.id);
    if (denied !== undefined)
      return denial("fault:denied", `a session there was denied a moment ago (${denied})`);
    if (ruling.action === "allow") {
      const { by, answers } = ruling;
      if (answers === undefined) return { decision: "allow", by };
      const keep = () => this.#related.addRuled({ request, caller, run: scope.run?.id, by: answers });
      return { decision: "allow", by, keep };
    }
    if (ruling.action === "deny") return { decision: "allow", by: `grant:${own}` };
    const covered = ruling.remember === 0 ? undefined : coverage(request, caller, scope.run?.id);
    const matter = { request, caller, covered, ruling, asker };
    const answered = this.#earlier.answer(matter, scope) ?? this.#earlier.ruled(matter, scope, policy);
    if (answered) return answered;
    const unanswered = asker.login && this.#related.unanswered(request, caller, asker.login);
    if (unanswered)
      return denial("fault:denied", `nobody answered about another key of this login (${unanswered})`);
    const { reasonOf, past } = this.#parts;
    const [why = scope.run?.why] = await Promise.all([reasonOf?.(caller), scope.approve && past?.ready()]);
    // what came while that was read
    const meanwhile = this.isLocked ? locked() : this.#earlier.answer(matter, scope);
    if (meanwhile) return this.#byNow(meanwhile, matter, scope);
    const asked = this.#asked({ ...matter, id, why }, scope);
    const answer = await this.#ask(asked, scope);
    const decision = { ...(await this.#byNow(answer, asked, scope)), ...(why !== undefined && { why }) };
    if (decision.decision === "allow" && !asker.isUnchanged()) {
      return denial(
        "fault:caller",
        "while the question was open, the process ended or became another program",
      );
    }
    return decision;
  }

  /** A yes counts where the policy does not deny by then: it may have changed while the question was open. */
  async #byNow(answer: Decision, { request, caller }: Matter, scope: Scope): Promise<Decision> {
    if (answer.decision === "deny") return answer;
    const ruling = evaluate(await scope.policy(), request, caller);
    if (this.isLocked) return locked();
    return ruling.action === "deny" ? deniedByNow(ruling.by) : answer;
  }

  #asked(asked: Omit<Asked, "lasting" | "sessionIsOver" | "rule">, scope: Scope): Asked {
    const { request, caller, covered, ruling } = asked;
    // what several persons say holds once, or for a time that each of them gave
    const isFree = covered !== undefined && ruling.remember === undefined && !ruling.persons;
    return {
      ...asked,
      lasting: isFree ? this.#lasting(asked, scope) : undefined,
      sessionIsOver: isFree && !scope.run ? this.#parts.sessionEnd?.(caller) : undefined,
      rule: isFree && scope.approve ? exactRule(request, caller, isOpenRun(scope)) : undefined,
    };
  }

  /** A connection is there for what goes over it; everything else belongs to a terminal, or to the run. */
  #lasting(
    { caller, asker: { connection } }: Pick<Asked, "caller" | "asker">,
    { run }: Scope,
  ): Lasting | undefined {
    if (connection) return { lasts: "connection", isOver: () => connection.isOver() };
    const terminal = run ? undefined : terminalOf(caller);
    const isOver = terminal && this.#parts.processEnd?.(terminal);
    return isOver && { lasts: caller.tty === undefined ? "program" : "terminal", isOver };
  }

  async #ask(asked: Asked, scope: Scope): Promise<Decision> {
    const { covered, ruling, asker } = asked;
    const { settings, past } = this.#parts;
    const question = makeQuestion(asked, scope, settings, this.#counts, scope.approve && past?.tip());
    const allowed = (kind: string): boolean => ruling.approvers?.includes(kind) ?? true;
    const approvers = scope.approvers.filter(({ kind }) => allowed(kind));
    const queue = allowed("queue") ? scope.queue : "closed";
    const announced = this.#announcing.of(question, asker, scope, { approvers, queue });
    asker.asking?.();
    const outcome = await this.#parts.questions.ask(
      { question, covered, ...alikeness(asked, question, scope), approvers, queue, ...announced },
      asker.gone,
    );
    const { answer, by } = outcome;
    const signed = answer.signers && { signers: answer.signers };
    const { grants } = this.#parts;
    if (by === "fault:timeout" && asker.login)
      this.#related.addUnanswered(asked.request, asked.caller, asker.login, asked.id);
    if (answer.decision === "deny") {
      const byPerson = by.startsWith("approver:");
      return {
        ...denial(by, byPerson || !ruling.doubt ? answer.reason : unanswered(answer.reason, ruling.doubt)),
        ...signed,
        ...this.#notes.add(asked.id, answer.note),
        ...(byPerson && rememberedDenial(asked, scope, grants, answer.remember)),
      };
    }
    const remember = capped(answer.remember, question);
    const doubt = ruling.doubt && { doubt: ruling.doubt.rule };
    const { longest } = this.#parts.settings;
    const remembered = rememberedApproval(asked, scope, grants, remember, longest);
    const keep = async (): Promise<void> => {
      this.#counts.add(asked.rule, outcome);
      await remembered.keep?.();
      if (remember === "always") this.#related.addRuled(coverableOf(asked, scope)); // as the rule does from now on
    };
    return {
      decision: "allow",
      by,
      ...doubt,
      ...signed,
      ...remembered,
      keep,
    };
  }

  /** The last step before the effect. What can't be logged is denied. */
  #record(
    id: string,
    request: Request,
    { caller, tells }: Asker,
    scope: Pick<Scope, "report" | "policyNote">,
    decision: Decision,
    waitedMs: number,
  ): Verdict {
    const { remember, keep: _, doubt: __, why, signers, ...decided } = decision;
    const note = decided.decision === "deny" ? scope.policyNote?.() : undefined;
    const verdict: Verdict = { id, ...decided, ...(note !== undefined && { note }) };
    const remembered = remember !== undefined && { remember };
    const reason = [decided.reason, note].filter((text) => text !== undefined).join("; ");
    const because = reason !== "" && { reason };
    try {
      const { said, ...fields } = decided;
      const entry = { time: new Date(), id, request, caller, waitedMs, ...fields, ...because };
      const claimed = { ...(said !== undefined && { note: said }), ...(why !== undefined && { why }) };
      this.#parts.record({ ...entry, ...claimed, ...(signers && { signers }), ...remembered });
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

function locked(): Decision {
  return denial("fault:locked", "muxguard is locked (muxguard unlock)");
}

function deniedByNow(by: DecidedBy): Decision {
  const what = by === "default" ? "no rule allows it by now" : "it denies this by now";
  return denial(by, `${what}, and the yes came too late`);
}

/** Why it was asked about at all, where nobody has answered. */
function unanswered(reason: string, doubt: Doubt): string {
  return `${reason}; ${describeDoubt(doubt)}`;
}

/** One in which programs may do what they may outside: nothing confines it, and its connections are its own. */
function isOpenRun({ run, signsOnly }: Scope): boolean {
  return run !== undefined && !run.confined && !signsOnly;
}

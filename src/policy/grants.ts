/**
 * Grants: remembered answers. A grant covers what its question said and nothing more; it ends at a fixed
 * time, with its run or with its login session, and using it does not lengthen it.
 */
/**
 * How long an approval lasts: this request alone, for a time (in milliseconds), until the run or the login
 * session ends, or as a rule.
 */
export type Remember = "once" | "run" | "session" | "always" | { milliseconds: number };

/** What a grant ends with, whatever its time. */
export interface Life {
  run?: string | undefined;
  /** Whether the login session is over; undefined where nobody can say. */
  sessionIsOver?: (() => boolean) | undefined;
}

/** For those who look at what is remembered. */
export interface GrantFacts {
  id: string;
  decision: "allow" | "deny";
  /** What it covers, in words. */
  what: string;
  /** How long it holds yet, in milliseconds, or what it ends with. */
  left: number | "run" | "session";
}

interface Grant extends Life {
  id: string;
  what: string;
  /** On the clock that was handed in. */
  since: number;
  until: number;
}

/** A request, and what an answer to it would cover. */
export interface Granted {
  id: string;
  covered: string;
  /** What else an approval covers. */
  alsoCovered?: string | undefined;
  /** In words. */
  what: string;
}

export class Grants {
  readonly #allowed = new Map<string, Grant>();
  readonly #denied = new Map<string, Grant>();
  readonly #now: () => number;

  /** @param now a clock in milliseconds that nobody can set, and that goes on while the machine sleeps */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * The id of the approval that covers this, if there is one.
   * @param longest what the rule allows by now, in milliseconds: an approval from before a rule was tightened
   * ends with it
   */
  approval(covered: string, longest = Number.POSITIVE_INFINITY): string | undefined {
    return this.#find(this.#allowed, covered, longest);
  }

  /** The id of the denial that stands against this, if there is one. */
  denial(covered: string): string | undefined {
    return this.#find(this.#denied, covered);
  }

  /**
   * Returns false if there was nothing to remember: an approval for once, as a rule, or until the end of what
   * can't be seen.
   */
  allow({ id, covered, alsoCovered, what }: Granted, remember: Remember, life: Life): boolean {
    const lasts = this.#lasting(remember, life);
    if (!lasts) return false;
    const grant = { id, what, since: this.#now(), ...lasts };
    this.#add(this.#allowed, covered, grant);
    if (alsoCovered !== undefined) this.#add(this.#allowed, alsoCovered, grant);
    return true;
  }

  #lasting(remember: Remember, { run, sessionIsOver }: Life): (Life & { until: number }) | undefined {
    if (typeof remember === "object") return { run, until: this.#now() + remember.milliseconds };
    const until = Number.POSITIVE_INFINITY;
    if (remember === "run" && run !== undefined) return { run, until };
    return remember === "session" && sessionIsOver ? { run, until, sessionIsOver } : undefined;
  }

  /** Denies the same for a time, in milliseconds. */
  deny({ id, covered, what }: Granted, milliseconds: number, { run }: Life): void {
    const since = this.#now();
    this.#add(this.#denied, covered, { id, what, since, until: since + milliseconds, run });
  }

  /** Drops what was remembered for a run. */
  endRun(run: string): void {
    this.#drop((grant) => grant.run === run);
  }

  /**
   * Drops the answers whose id begins so; without it all approvals, and the denials too.
   * @returns how many
   */
  forget(prefix = ""): number {
    const count = (): number => answers(this.#allowed).size + this.#denied.size;
    const before = count();
    this.#drop(({ id }) => id.startsWith(prefix));
    return before - count();
  }

  list(): GrantFacts[] {
    this.#dropEnded();
    return [...this.#facts("allow", this.#allowed), ...this.#facts("deny", this.#denied)];
  }

  /** How many approvals there are. */
  get size(): number {
    this.#dropEnded();
    return answers(this.#allowed).size;
  }

  #facts(decision: GrantFacts["decision"], grants: ReadonlyMap<string, Grant>): GrantFacts[] {
    const now = this.#now();
    return [...answers(grants)].map(({ id, what, until, sessionIsOver }) => {
      const left = Number.isFinite(until) ? until - now : sessionIsOver ? "session" : "run";
      return { id, decision, what, left };
    });
  }

  #find(grants: Map<string, Grant>, covered: string, longest?: number): string | undefined {
    const grant = grants.get(covered);
    if (!grant) return undefined;
    if (this.#holds(grant, longest)) return grant.id;
    grants.delete(covered);
    return undefined;
  }

  #holds({ since, until, sessionIsOver }: Grant, longest = Number.POSITIVE_INFINITY): boolean {
    return this.#now() < Math.min(until, since + longest) && !sessionIsOver?.();
  }

  #add(grants: Map<string, Grant>, covered: string, grant: Grant): void {
    this.#dropEnded();
    grants.set(covered, grant);
  }

  #dropEnded(): void {
    this.#drop((grant) => !this.#holds(grant));
  }

  #drop(isOver: (grant: Grant) => boolean): void {
    for (const grants of [this.#allowed, this.#denied])
      for (const [covered, grant] of grants) if (isOver(grant)) grants.delete(covered);
  }
}

/** One that covers two things is one answer. */
function answers(grants: ReadonlyMap<string, Grant>): Set<Grant> {
  return new Set(grants.values());
}

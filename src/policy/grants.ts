/**
 * Grants: remembered answers. A grant covers what its question said and nothing more; it ends at a fixed
 * time, with the connection, terminal, run or login session that it is for, and using it does not lengthen it.
 * While the screen is locked no approval counts.
 */
/**
 * How long an approval lasts: this request alone, for a time (in milliseconds), while what it is for lasts,
 * until the run or the login session ends, or as a rule.
 */
export type Remember = "once" | "lasting" | "run" | "session" | "always" | { milliseconds: number };

/** What "while this lasts" means: a shared connection, a terminal, or what started a program without one. */
export interface Lasting {
  lasts: "connection" | "terminal" | "program";
  isOver: () => boolean;
}

/** What a grant may end with, whatever its time. */
export interface Life {
  run?: string | undefined;
  lasting?: Lasting | undefined;
  /** The longest that "while this lasts" may be, in milliseconds. */
  longest?: number | undefined;
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
  left: number | "run" | "session" | Lasting["lasts"];
  /** It does not count until the screen is unlocked. */
  suspended?: true;
}

interface Grant {
  id: string;
  what: string;
  run?: string | undefined;
  /** On the clock that was handed in. */
  since: number;
  until: number;
  /** What it ends with before that. */
  endsWith?: "run" | "session" | Lasting["lasts"];
  isOver?: () => boolean;
}

/** A request, and what an answer to it would cover. */
export interface Granted {
  id: string;
  /** Each as text, to compare. */
  covered: readonly string[];
  /** In words. */
  what: string;
}

export class Grants {
  readonly #allowed = new Map<string, Grant>();
  readonly #denied = new Map<string, Grant>();
  readonly #now: () => number;
  #isSuspended = false;

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
    return this.#isSuspended ? undefined : this.#find(this.#allowed, covered, longest);
  }

  /** No approval counts, until resume(). */
  suspend(): void {
    this.#isSuspended = true;
  }

  resume(): void {
    this.#isSuspended = false;
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** The id of the denial that stands against this, if there is one. */
  denial(covered: string): string | undefined {
    return this.#find(this.#denied, covered);
  }

  /**
   * Returns false if there was nothing to remember: an approval for once, as a rule, or until the end of what
   * can't be seen.
   */
  allow({ id, covered, what }: Granted, remember: Remember, life: Life): boolean {
    const end = this.#end(remember, life);
    if (!end) return false;
    const grant = { id, what, since: this.#now(), ...end };
    this.#dropEnded();
    for (const text of covered) this.#allowed.set(text, grant);
    return true;
  }

  #end(remember: Remember, life: Life): Omit<Grant, "id" | "what" | "since"> | undefined {
    const { run, lasting, longest = Number.POSITIVE_INFINITY, sessionIsOver } = life;
    if (typeof remember === "object") return { run, until: this.#now() + remember.milliseconds };
    const until = Number.POSITIVE_INFINITY;
    if (remember === "run" && run !== undefined) return { run, until, endsWith: "run" };
    if (remember === "session" && sessionIsOver)
      return { run, until, endsWith: "session", isOver: sessionIsOver };
    if (remember !== "lasting" || !lasting) return undefined;
    return { run, until: this.#now() + longest, endsWith: lasting.lasts, isOver: lasting.isOver };
  }

  /** Denies the same for a time, in milliseconds. */
  deny({ id, covered, what }: Granted, milliseconds: number, { run }: Life): void {
    const since = this.#now();
    this.#dropEnded();
    for (const text of covered) this.#denied.set(text, { id, what, since, until: since + milliseconds, run });
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

  /** Whether nothing can be covered: no need to ask. */
  get hasNoApproval(): boolean {
    return this.#isSuspended || this.#allowed.size === 0;
  }

  /** The same of denials. */
  get hasNoDenial(): boolean {
    return this.#denied.size === 0;
  }

  /** How many approvals there are. */
  get size(): number {
    this.#dropEnded();
    return answers(this.#allowed).size;
  }

  #facts(decision: GrantFacts["decision"], grants: ReadonlyMap<string, Grant>): GrantFacts[] {
    const now = this.#now();
    const suspended = this.#isSuspended && decision === "allow" && { suspended: true as const };
    return [...answers(grants)].map(({ id, what, until, endsWith }) => {
      return { id, decision, what, left: endsWith ?? until - now, ...suspended };
    });
  }

  #find(grants: Map<string, Grant>, covered: string, longest?: number): string | undefined {
    const grant = grants.get(covered);
    if (!grant) return undefined;
    if (this.#holds(grant, longest)) return grant.id;
    grants.delete(covered);
    return undefined;
  }

  #holds({ since, until, isOver }: Grant, longest = Number.POSITIVE_INFINITY): boolean {
    return this.#now() < Math.min(until, since + longest) && !isOver?.();
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

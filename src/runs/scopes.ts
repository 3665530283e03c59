/** The runs that are open, who is inside of one, and which scope decides for whom. */
import type { DecidedBy, Run, Scope, SocketOf } from "../guard/decide/scope.ts";
import { MAX_ANCESTORS, type ProcessTable } from "../platform/proc/process.ts";
import { isSshProgram } from "../platform/proc/ssh-program.ts";
import { type Caller, type ProcessId, processKey } from "../policy/request.ts";
import { isInRun, readOutside } from "./in-run.ts";
import { type Marks, marks } from "./mark.ts";

/** Its run may allow less than the user's policy does. */
const INSIDE = "this process is inside of a muxguard run, and only the guard of that run decides for it";
const ASK_ITS_GUARD =
  "this process is inside of a muxguard run, or of a container; MUXGUARD_PROMPTS names the guard to ask";
const RUN_ENDED = "the run that this connection was opened for has ended";
const OVER_A_CONNECTION = "what comes here over an ssh connection may be anybody's";
const OF_ANOTHER_RUN = "this is another run's";
const TOO_DEEP =
  "this process is inside of a muxguard run, and started by so many others that nobody can tell of which";

export class Scopes {
  /** By the id of the run. */
  readonly #open = new Map<string, { run: Run; scope: Scope }>();
  /** Of the guard's own ssh processes. */
  readonly #lent = new Map<string, Scope>();
  readonly #processes: ProcessTable;
  readonly #marks: Marks;
  /** Callers as they were identified, that carry no mark: for a moment, each request has the same object. */
  readonly #unmarked = new WeakSet<Caller>();

  constructor(processes: ProcessTable, seen = marks) {
    this.#processes = processes;
    this.#marks = seen;
  }

  add(scope: Scope): void {
    const { run } = scope;
    if (run) this.#open.set(run.id, { run, scope });
  }

  delete(id: string): void {
    this.#open.delete(id);
  }

  /** What tells their users. */
  reports(): Scope["report"][] {
    return [...this.#open.values()].map(({ scope }) => scope.report);
  }

  /**
   * The guard's own ssh connects for somebody: what it, and what it starts, asks for is decided in the scope
   * of whoever that is, and not outside of runs, where it is. @returns what ends that
   */
  lend(process: ProcessId, scope: Scope): () => void {
    this.#lent.set(processKey(process), scope);
    return () => this.#lent.delete(processKey(process));
  }

  /** Whether it is an ssh of the guard's own, or started by one. */
  isLent(caller: Caller): boolean {
    return this.#lentTo(caller) !== undefined;
  }

  #lentTo({ ancestors, ...caller }: Caller): Scope | undefined {
    if (this.#lent.size === 0) return undefined;
    const keys = [caller, ...ancestors].map(processKey);
    return keys.map((key) => this.#lent.get(key)).find((scope) => scope !== undefined);
  }

  #isOpen({ run }: Scope): boolean {
    return !run || this.#open.has(run.id);
  }

  /** Whether who asks has to be known to say which scope decides. */
  get isNeeded(): boolean {
    return this.#open.size + this.#lent.size > 0;
  }

  /** How many runs are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Which scope decides for a process that came to a socket.
   *
   * Its own run does, whichever socket it comes to; a run's socket serves what is in no run, too. What carries
   * the mark of a run that nobody here knows is refused everywhere: the run is another guard's, or what held it
   * was killed, or there are more programs in between than are looked at.
   *
   * @param caller undefined for a process that has ended: what it asks for is denied
   */
  decidedBy(caller: Caller | undefined, { kind, scope }: SocketOf): DecidedBy {
    if (!caller) return { scope };
    if ((kind === "ride" || kind === "askpass") && isSshProgram(caller))
      return { refused: OVER_A_CONNECTION };
    const own = this.#runOf(caller);
    if (own ? this.#marks.isDeeper(caller, own.run.pid, own.run.confined) : this.#isMarked(caller))
      return { refused: caller.ancestors.length >= MAX_ANCESTORS ? TOO_DEEP : INSIDE };
    if (kind === "ride") return own && own.run.id !== scope.run?.id ? { refused: OF_ANOTHER_RUN } : { scope };
    if (own) return { scope: own.scope };
    const lent = this.#lentTo(caller);
    if (lent) return this.#isOpen(lent) ? { scope: lent } : { refused: RUN_ENDED };
    if (scope.run) return { scope };
    // what a container's program may be asked by itself, nobody can tell; there its own guard has to be named
    if (kind === "askpass") return this.#isHeld(caller) ? { refused: ASK_ITS_GUARD } : { scope };
    return !caller.container && this.#isHeld(caller) ? { refused: INSIDE } : { scope };
  }

  #isMarked(caller: Caller): boolean {
    if (this.#unmarked.has(caller)) return false;
    const isMarked = this.#marks.isMarked(caller);
    if (!isMarked) this.#unmarked.add(caller);
    return isMarked;
  }

  /** Of what is known to carry no mark: whether it is inside of a run, or of a container, all the same. */
  #isHeld(caller: Caller): boolean {
    return isInRun(caller, this.#holders, () => false);
  }

  /** Whether it is inside of a run, be it another guard's, or of a container. */
  isInside(caller: Caller): boolean {
    return isInRun(caller, this.#holders, this.#marks.isMarked);
  }

  /**
   * The run that it is in: without an id, where that is not one of this guard's. Undefined outside of runs.
   * It is over where only the mark is left.
   */
  runAround(caller: Caller): { id?: string; isOver?: true } | undefined {
    const own = this.#runOf(caller);
    if (own) return { id: own.run.id };
    if (!this.#isStranger(caller)) return undefined;
    return this.#isHeld(caller) ? {} : { isOver: true };
  }

  /** A process that is there and inside of none. */
  outside(pid: number): Caller | undefined {
    return readOutside(this.#processes, pid, this.#holders);
  }

  /**
   * The innermost run that the process is in: its descendants keep the run's holder among their ancestors,
   * which adopts orphans.
   */
  #runOf(caller: Caller): { run: Run; scope: Scope } | undefined {
    const runs = [...this.#open.values()];
    const holder = caller.ancestors.find((ancestor) => runs.some(({ run }) => run.pid === ancestor.pid));
    return runs.find(({ run }) => run.pid === holder?.pid);
  }

  /** A container is none by itself: rules speak of it. One that a run has made carries its mark. */
  #isStranger(caller: Caller): boolean {
    return this.#marks.isMarked(caller) || (!caller.container && this.isInside(caller));
  }

  get #holders(): Set<number> {
    return new Set([...this.#open.values()].map(({ run }) => run.pid));
  }
}

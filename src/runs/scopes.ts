/** The runs that are open, who is inside of one, and what decides for it. */
import type { Scope } from "../guard/decide/scope.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import type { Caller } from "../policy/request.ts";
import { isInRun, readOutside } from "./in-run.ts";

/** @typeParam R what is known of a run */
export class Runs<R extends { readonly scope: Scope }> {
  readonly #open = new Map<string, { pid: number; run: R }>();
  readonly #processes: ProcessTable;

  constructor(processes: ProcessTable) {
    this.#processes = processes;
  }

  add({ id, pid }: { id: string; pid: number }, run: R): void {
    this.#open.set(id, { pid, run });
  }

  delete(id: string): void {
    this.#open.delete(id);
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * The innermost run that the process is in: its descendants keep the run's holder among their ancestors,
   * which adopts orphans.
   */
  of(caller: Caller): R | undefined {
    const runs = [...this.#open.values()];
    const holder = caller.ancestors.find((ancestor) => runs.some(({ pid }) => pid === ancestor.pid));
    return runs.find(({ pid }) => pid === holder?.pid)?.run;
  }

  /** Whether it is inside of a run, be it another guard's, or of a container. */
  isInside(caller: Caller): boolean {
    return isInRun(caller, this.#holders);
  }

  /** A process that is there and inside of none. */
  outside(pid: number): Caller | undefined {
    return readOutside(this.#processes, pid, this.#holders);
  }

  /**
   * What decides for a process that came to a socket of this scope: its own run, whichever socket it comes
   * to.
   */
  scopeOf(caller: Caller | undefined, scope: Scope): Scope {
    const own = (caller && this.of(caller)?.scope) ?? scope;
    return caller && this.#isStranger(caller, own) ? { ...own, policy: nobodyDecides } : own;
  }

  /** The same for a client whose scope does not change, found out when the first thing is decided for it. */
  scopeOfClient(scope: Scope): Scope {
    let isKnown = scope.run !== undefined;
    const policy = (caller: Caller): ReturnType<Scope["policy"]> => {
      isKnown ||= !this.#isStranger(caller, scope);
      return isKnown ? scope.policy(caller) : nobodyDecides();
    };
    return { ...scope, policy };
  }

  /**
   * The same for a question of OpenSSH's. @throws Error for a process whose run another guard holds: it is
   * not answered here
   */
  scopeOfAskpass(caller: Caller, scope: Scope): Scope {
    const own = this.of(caller)?.scope ?? scope;
    if (!own.run && this.isInside(caller))
      throw new Error(
        "this process is inside of a muxguard run, or of a container; MUXGUARD_PROMPTS names the guard to ask",
      );
    return own;
  }

  /**
   * Whether a process is inside of a run, and nobody here knows of which: another guard's, or one whose
   * holder it has killed.
   */
  #isStranger(caller: Caller, { run }: Scope): boolean {
    return !run && !caller.container && this.isInside(caller);
  }

  get #holders(): Set<number> {
    return new Set([...this.#open.values()].map(({ pid }) => pid));
  }
}

/** Its run may allow less than the user's policy does. */
function nobodyDecides(): never {
  throw new Error("this process is inside of a muxguard run, and only the guard of that run decides for it");
}

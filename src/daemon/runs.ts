/** The runs that are open, and who is inside of one. */
import { isInRun, readOutside } from "../platform/in-run.ts";
import type { ProcessTable } from "../platform/process.ts";
import type { Caller } from "../policy/request.ts";

/** @typeParam S what is known of a run */
export class Runs<S> {
  readonly #open = new Map<string, { pid: number; scope: S }>();
  readonly #processes: ProcessTable;

  constructor(processes: ProcessTable) {
    this.#processes = processes;
  }

  add({ id, pid }: { id: string; pid: number }, scope: S): void {
    this.#open.set(id, { pid, scope });
  }

  delete(id: string): void {
    this.#open.delete(id);
  }

  get size(): number {
    return this.#open.size;
  }

  /** The innermost run that the process is in: its descendants keep the run's holder among their ancestors, which adopts orphans. */
  of(caller: Caller): S | undefined {
    const runs = [...this.#open.values()];
    const holder = caller.ancestors.find((ancestor) => runs.some(({ pid }) => pid === ancestor.pid));
    return runs.find(({ pid }) => pid === holder?.pid)?.scope;
  }

  /** Whether it is inside of a run, be it another guard's, or of a container. */
  isInside(caller: Caller): boolean {
    return isInRun(caller, this.#holders);
  }

  /** A process that is there and inside of none. */
  outside(pid: number): Caller | undefined {
    return readOutside(this.#processes, pid, this.#holders);
  }

  get #holders(): Set<number> {
    return new Set([...this.#open.values()].map(({ pid }) => pid));
  }
}

/**
 * What a program says by a variable of its environment, or, in a run, the nearest of those that started it: why it
 * asks (MUXGUARD_REASON), in which tmux it is (TMUX). It can say anything: no rule matches it.
 *
 * To read an environment is to read another process's memory, which may be on a file system that never answers. So
 * one is read after the other, and none is waited for long.
 */
import type { Caller, ProcessId } from "../policy/request.ts";

/** The most of it, in characters. A screen shows less. */
const MAX_LENGTH = 500;

/** In milliseconds. */
const LONGEST = 500;

/** How many of those that started it are looked at. */
const ANCESTORS = 8;

/** The environment that a process was started with; it may reject. */
type Look = (process: ProcessId) => Promise<ReadonlyMap<string, string> | undefined>;

export class Claims {
  readonly #name: string;
  readonly #look: Look;
  readonly #longest: number;
  #last: Promise<unknown> = Promise.resolve();
  /** Those that are not waited for any more, and have not ended. */
  #hanging = 0;

  constructor(name: string, look: Look, longest = LONGEST) {
    this.#name = name;
    this.#look = look;
    this.#longest = longest;
  }

  /** Undefined where nothing is said, or none can be read. Never rejects. */
  of(caller: Caller): Promise<string | undefined> {
    if (this.#hanging > 0) return Promise.resolve(undefined);
    let isLate = false;
    const before = this.#last;
    const looked = (async () => {
      await before;
      return isLate ? undefined : this.#find(caller);
    })();
    this.#last = looked;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        isLate = true;
        this.#hanging++;
        resolve(undefined);
      }, this.#longest);
      void looked.then((value) => {
        clearTimeout(timer);
        if (isLate) this.#hanging--;
        resolve(value);
      });
    });
  }

  async #find(caller: Caller): Promise<string | undefined> {
    for (const process of [caller, ...aboveInRun(caller)]) {
      const environment = await this.#look(process).catch(() => undefined);
      const value = environment?.get(this.#name)?.trim();
      if (value) return value.slice(0, MAX_LENGTH);
    }
    return undefined;
  }
}

/** Outside of runs, what started it may have been started for anything. */
function aboveInRun({ run, ancestors }: Caller): ProcessId[] {
  const end = ancestors.findIndex(({ pid }) => pid === run?.pid);
  return ancestors.slice(0, Math.min(Math.max(end, 0), ANCESTORS));
}

/** The process at the other end of a connection, or why nobody can say which it is. And whether it went away. */
import { isShortage } from "../errors.ts";
import type { Caller } from "../policy/request.ts";

export interface Client {
  /** Throws if it has ended. */
  identify(): Caller;
  isUnchanged(before: Caller): boolean;
}

const NOTHING_LEFT =
  "no file descriptor or memory is left to look at the process that asks: see ulimit -n, LimitNOFILE= of the service";

export interface Identified {
  /** Undefined for one that has ended, or is hidden: decide() denies what has no caller. */
  caller?: Caller;
  /** Where it may well be there. */
  unidentified?: string;
}

export function identified(client: Client): Identified {
  try {
    return { caller: client.identify() };
  } catch (error) {
    return isShortage(error) ? { unidentified: NOTHING_LEFT } : {};
  }
}

/** A reason of our own: AbortController would make an exception with a stack for each connection. */
const GONE = new Error("the client went away");

/** Whether a client went away. Most end before anything waits for that: the signal is made for what does. */
export class Gone {
  #isOver = false;
  #controller: AbortController | undefined;

  get isOver(): boolean {
    return this.#isOver;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isOver) this.#controller.abort(GONE);
    }
    return this.#controller.signal;
  }

  end(): void {
    this.#isOver = true;
    this.#controller?.abort(GONE);
  }
}

/** The process at the other end of a connection, or why nobody can say which it is. */
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

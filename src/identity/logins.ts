/**
 * The logins that ssh processes made through the guarded agent: which host key was proven for them, and as whom. When such a process turns into a
 * control master, that is where its connection leads.
 */
import { BoundedMap } from "./bounded-map.ts";

export interface Login {
  /** A blob. */
  hostKey: Buffer;
  user?: string;
}

const MAX_LOGINS = 1024;

interface ProcessId {
  pid: number;
  startTime: string;
}

export class Logins {
  readonly #logins = new BoundedMap<string, Login>(MAX_LOGINS);

  add(process: ProcessId, login: Login): void {
    this.#logins.set(keyOf(process), login);
  }

  of(process: ProcessId): Login | undefined {
    return this.#logins.get(keyOf(process));
  }
}

function keyOf({ pid, startTime }: ProcessId): string {
  return `${pid} ${startTime}`;
}

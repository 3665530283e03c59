/**
 * The logins that ssh processes made through the guarded agent: the host key that was proven, and the user.
 * When such a process turns into a control master, that is where its connection leads.
 *
 * Limits: the 1,024 processes that were seen last.
 */
import { type ProcessId, processKey } from "../policy/request.ts";
import { BoundedMap } from "./bounded-map.ts";

export interface Login {
  /** A blob. */
  hostKey: Buffer;
  user?: string;
}

const MAX_LOGINS = 1024;

export class Logins {
  readonly #logins = new BoundedMap<string, Login>(MAX_LOGINS);
  /** The last of each pid, and when the process began. */
  readonly #last = new BoundedMap<number, Login & { startTime: string }>(MAX_LOGINS);

  add(process: ProcessId, login: Login): void {
    this.#logins.set(processKey(process), login);
    this.#last.set(process.pid, { ...login, startTime: process.startTime });
  }

  /**
   * That of a process which has ended since, and left a child behind as the master: `ssh -f`.
   * @param pid of the parent. It may be another process's by now, but that one began after the child.
   */
  ofParent(pid: number, child: ProcessId): Login | undefined {
    const { startTime, ...login } = this.#last.get(pid) ?? {};
    const isOlder = startTime !== undefined && Number(startTime) <= Number(child.startTime);
    return isOlder && "hostKey" in login ? login : undefined;
  }

  of(process: ProcessId): Login | undefined {
    return this.#logins.get(processKey(process));
  }
}

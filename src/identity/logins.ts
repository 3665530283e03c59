/**
 * The logins that ssh processes made through the guarded agent: the host key that was proven, and the user.
 * When such a process turns into a control master, that is where its connection leads.
 *
 * A login counts for the image of ssh that made it, and for its forks. What calls exec since then is another
 * image, and has proven nothing. What an image is, the system says: see sshImage() of src/platform.
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

/** As a process made it, which may have left it to a child. */
export interface ProcessLogin extends Login {
  /** The process's own. */
  startTime: string;
}

interface Kept extends ProcessId {
  login: ProcessLogin;
  image: string;
}

/** What tells the image of an ssh from all others; undefined for what is not ssh, or can't be looked at. */
export type ImageOf = (process: ProcessId) => string | undefined;

const MAX_LOGINS = 1024;

export class Logins {
  readonly #logins = new BoundedMap<string, Kept>(MAX_LOGINS);
  /** The last of each pid. */
  readonly #last = new BoundedMap<number, Kept>(MAX_LOGINS);
  readonly #imageOf: ImageOf;

  constructor(imageOf: ImageOf) {
    this.#imageOf = imageOf;
  }

  /** Counts for nothing where the process is not ssh. */
  add({ pid, startTime }: ProcessId, login: Login): void {
    const image = this.#imageOf({ pid, startTime });
    if (image === undefined) return;
    const kept = { pid, startTime, login: { ...login, startTime }, image };
    this.#logins.set(processKey(kept), kept);
    this.#last.set(pid, kept);
  }

  /** What the process has proven as the image that it is now. */
  of(process: ProcessId): ProcessLogin | undefined {
    const found = this.#logins.get(processKey(process));
    return found && this.#imageOf(process) === found.image ? found.login : undefined;
  }

  /**
   * That of a process which has ended since, and left a child behind as the master: `ssh -f`. A fork keeps the
   * image.
   * @param pid of the parent. It may be another process's by now, but that one began after the child.
   */
  ofParent(pid: number, child: ProcessId): ProcessLogin | undefined {
    const found = this.#last.get(pid);
    if (!found || Number(found.startTime) > Number(child.startTime)) return undefined;
    return this.#imageOf(child) === found.image ? found.login : undefined;
  }

  /** Of an ssh that the guard has started by itself, and that may have ended since. */
  ofOwn(process: ProcessId): Login | undefined {
    return this.#logins.get(processKey(process))?.login;
  }
}

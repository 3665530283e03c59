/**
 * Which process an SSH session belongs to, across all connections to the agent.
 *
 * A session-bind is no secret: the server knows the session identifier and made the signature. If somebody
 * else brings a bind for authentication again, it is a replay, and refused.
 *
 * What one process binds can't make the guard forget what another one has bound. Each has room for a number of
 * sessions. Beyond it, its own oldest is forgotten that no connection holds any more; where all are held, it
 * binds no more. There is an end for all together, too: then those of processes that have ended make room, and
 * the oldest of whichever process has most.
 */
import { createHash } from "node:crypto";

export interface RegistryLimits {
  /** Sessions of one process. */
  perProcess: number;
  /** Of all. */
  all: number;
  /** Whether a process is still there, by its processKey(). */
  isAlive(process: string): boolean;
}

interface Bound {
  process: string;
  /** The process, and the path of hops that it speaks for. */
  owner: string;
  /** How many connections hold it. */
  connections: number;
}

/** How many sessions are looked at to make room for one. */
const MOST_LOOKED_AT = 64;

const usual: RegistryLimits = { perProcess: 256, all: 16_384, isAlive: () => true };

export class SessionRegistry {
  readonly #limits: RegistryLimits;
  /** By the digest of a session identifier. The identifier is part of what makes logins, and is not kept. */
  readonly #bound = new Map<string, Bound>();
  /** The digests of each process, the oldest first. */
  readonly #ofProcess = new Map<string, Set<string>>();

  constructor(limits: Partial<RegistryLimits> = {}) {
    this.#limits = { ...usual, ...limits };
  }

  /**
   * The first to bind a session for authentication owns it. It may do so again: ssh opens a new connection to
   * the agent after a partial success. To be released when the connection ends.
   * @param path of the hops that the process speaks for
   * @returns false if the session is somebody else's, or there is no room for it
   */
  claim(sessionIdentifier: Buffer, process: string, path: readonly string[] = []): boolean {
    const digest = sessionDigest(sessionIdentifier);
    const owner = [process, ...path].join();
    const known = this.#bound.get(digest);
    if (known?.owner === owner) known.connections += 1;
    if (known) return known.owner === owner;
    if (!this.#makeRoom(process)) return false;
    this.#bound.set(digest, { process, owner, connections: 1 });
    this.#ofProcess.set(process, (this.#ofProcess.get(process) ?? new Set()).add(digest));
    return true;
  }

  /** The end of a connection that has claimed it. */
  release(sessionIdentifier: Buffer): void {
    const bound = this.#bound.get(sessionDigest(sessionIdentifier));
    if (bound) bound.connections -= 1;
  }

  #makeRoom(process: string): boolean {
    const own = this.#ofProcess.get(process);
    if (own && own.size >= this.#limits.perProcess)
      return this.#forget([...own].find((one) => this.#isFree(one)));
    return this.#bound.size < this.#limits.all || this.#forgetEnded() || this.#forgetOfMost();
  }

  /** Whoever fills all room, be it with many processes, makes room of its own: the others have few sessions. */
  #forgetOfMost(): boolean {
    const [most] = [...this.#ofProcess.values()].sort((one, other) => other.size - one.size);
    return most !== undefined && most.size > 1 && this.#forget([...most].find((one) => this.#isFree(one)));
  }

  /** A process that has ended has no session any more that a replay could be for. */
  #forgetEnded(): boolean {
    let looked = 0;
    for (const [digest, bound] of this.#bound) {
      if (!this.#limits.isAlive(bound.process)) return this.#forget(digest);
      looked += 1;
      if (looked >= Math.min(MOST_LOOKED_AT, this.#limits.all)) return false;
      // next time others are looked at
      this.#bound.delete(digest);
      this.#bound.set(digest, bound);
    }
    return false;
  }

  #isFree(digest: string): boolean {
    return this.#bound.get(digest)?.connections === 0;
  }

  #forget(digest: string | undefined): boolean {
    const bound = digest === undefined ? undefined : this.#bound.get(digest);
    if (digest === undefined || !bound) return false;
    this.#bound.delete(digest);
    const own = this.#ofProcess.get(bound.process);
    own?.delete(digest);
    if (own?.size === 0) this.#ofProcess.delete(bound.process);
    return true;
  }
}

export function sessionDigest(sessionIdentifier: Buffer): string {
  return createHash("sha256").update(sessionIdentifier).digest("base64");
}

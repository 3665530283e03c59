/**
 * Which process an SSH session belongs to, across all connections to the agent.
 *
 * A session-bind is no secret: the server knows the session identifier and made the signature. If somebody
 * else brings a bind for authentication again, it is a replay, and refused.
 *
 * Limits: the 4,096 sessions that were used last.
 */
import { createHash } from "node:crypto";
import { BoundedMap } from "./bounded-map.ts";

const MAX_SESSIONS = 4096;

export class SessionRegistry {
  /** By the digest of a session identifier. The identifier is part of what makes logins, and is not kept. */
  readonly #owners: BoundedMap<string, string>;

  constructor(limit = MAX_SESSIONS) {
    this.#owners = new BoundedMap(limit);
  }

  /**
   * The first to bind a session for authentication owns it. It may do so again: ssh opens a new connection to
   * the agent after a partial success.
   * @param owner the process and the path of hops that it speaks for
   * @returns false if the session is somebody else's
   */
  claim(sessionIdentifier: Buffer, owner: string): boolean {
    const digest = sessionDigest(sessionIdentifier);
    const known = this.#owners.get(digest);
    if (known !== undefined) return known === owner;
    this.#owners.set(digest, owner);
    return true;
  }
}

export function sessionDigest(sessionIdentifier: Buffer): string {
  return createHash("sha256").update(sessionIdentifier).digest("base64");
}

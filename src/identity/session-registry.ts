/**
 * Which process an SSH session belongs to, across all connections to the agent.
 *
 * A session-bind is no secret: the server has seen the session identifier and made the signature. A bind for
 * authentication that somebody else brings again is a replay, and refused.
 */
import { createHash } from "node:crypto";
import { BoundedMap } from "./bounded-map.ts";

const MAX_SESSIONS = 4096;

export class SessionRegistry {
  /**
   * From the digest of a session identifier: the identifier itself is part of what makes logins, and not
   * kept.
   */
  readonly #owners: BoundedMap<string, string>;

  constructor(limit = MAX_SESSIONS) {
    this.#owners = new BoundedMap(limit);
  }

  /**
   * The first to bind a session for authentication owns it, and may do so again: ssh opens a new connection
   * to the agent after a partial success.
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

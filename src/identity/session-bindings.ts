/**
 * The session-binds of one agent connection: the hosts that it was forwarded through, and the host that it
 * authenticates to. OpenSSH's PROTOCOL.agent §1; process_ext_session_bind() and process_sign_request2() of
 * ssh-agent.c.
 *
 * OpenSSH carries on after a bind that was refused. A hostile server could provoke one, to hide that a
 * request is relayed. So a connection counts as forwarded and unverified from the first bind on that was
 * refused or not understood.
 */

import { parseSessionBind, type SessionBind } from "../wire/agent/session-bind.ts";
import { ProtocolError } from "../wire/protocol-error.ts";
import { parsePublicKey } from "../wire/public-key.ts";
import type { UserauthData } from "../wire/signed-data.ts";
import { verifyCertificate, verifySignature } from "./hosts/host-key.ts";
import { type SessionRegistry, sessionDigest } from "./session-registry.ts";

export type BindVerdict = "accepted" | "refused" | "unsupported";

export type LoginCheck =
  | { verified: true; hostKey: Buffer; hops: Buffer[] }
  /** `hostKey` is there if a host proved it for this login, and something else is missing. */
  | { verified: false; reason: string; hops: Buffer[]; hostKey?: Buffer };

/** The reason for a client that binds nothing. Other programs look for it in the log. */
export const UNBOUND = "no session-bind";

/** AGENT_MAX_SESSION_IDS and AGENT_MAX_SID_LEN of ssh-agent.c. */
const MAX_BINDS = 16;
const MAX_SESSION_IDENTIFIER = 128;

export class SessionBindings {
  readonly #registry: SessionRegistry;
  readonly #process: string;
  readonly #binds: SessionBind[] = [];
  #claimed: Buffer | undefined;
  /** Set by a bind for authentication: none may follow, even if that one couldn't be verified. */
  #closed = false;
  #fault: string | undefined;

  /** @param process at the other end of the connection, as processKey() has it */
  constructor(registry: SessionRegistry, process: string) {
    this.#registry = registry;
    this.#process = process;
  }

  /**
   * @param details of a session-bind@openssh.com request
   * @param relayed true if it came through a program that makes no session-binds of its own. Then it is from
   * beyond that program, and nobody says over how many hosts.
   * @returns "unsupported" for a host key or algorithm that can't be verified here. A newer agent may accept
   * it.
   */
  bind(details: Buffer, relayed = false): BindVerdict {
    const bind = readBind(details);
    const verdict = bind ? this.#judge(bind) : "refused";
    if (bind && verdict !== "refused" && !bind.isForwarding) this.#closed = true;
    if (relayed) this.#fault ??= "session-bind relayed by another program than ssh";
    if (bind && verdict === "accepted") this.#binds.push(bind);
    else this.#fault ??= verdict === "unsupported" ? "unsupported host key" : "session-bind refused";
    return verdict;
  }

  #judge(bind: SessionBind): BindVerdict {
    const { sessionIdentifier, isForwarding } = bind;
    if (this.#closed || this.#binds.length >= MAX_BINDS) return "refused";
    if (sessionIdentifier.length === 0 || sessionIdentifier.length > MAX_SESSION_IDENTIFIER) return "refused";
    if (this.#binds.some((earlier) => earlier.sessionIdentifier.equals(sessionIdentifier))) return "refused";
    const check = verifySignature(bind.hostKey, bind.signature, sessionIdentifier);
    if (check !== "valid") return check === "invalid" ? "refused" : "unsupported";
    if (isForwarding) return "accepted";
    const path = this.#binds.map((hop) => sessionDigest(hop.sessionIdentifier));
    if (!this.#registry.claim(sessionIdentifier, this.#process, path)) return "refused";
    this.#claimed = sessionIdentifier; // none follows
    return "accepted";
  }

  /** The connection has ended. */
  end(): void {
    if (this.#claimed) this.#registry.release(this.#claimed);
    this.#claimed = undefined;
  }

  /** True if the connection was forwarded, or may have been. */
  get forwarded(): boolean {
    return this.#fault !== undefined || this.#binds.some(({ isForwarding }) => isForwarding);
  }

  /** True if there may be more hops than those that are known. */
  get hasUnknownHops(): boolean {
    return this.#fault !== undefined;
  }

  /** The host keys of the hosts that it was forwarded through, the nearest first. */
  get hops(): Buffer[] {
    return this.#binds.filter(({ isForwarding }) => isForwarding).map(({ hostKey }) => hostKey);
  }

  /**
   * The key of the host that the process itself logs in to, as far as that is proven; undefined on a
   * forwarded connection.
   */
  get ownHost(): Buffer | undefined {
    return this.forwarded ? undefined : this.#binds.at(-1)?.hostKey;
  }

  /** The key of the host that is logged in to, over hops that are known; undefined before it has proved one. */
  get boundHost(): Buffer | undefined {
    const last = this.#binds.at(-1);
    return this.#fault === undefined && last && !last.isForwarding ? last.hostKey : undefined;
  }

  /** Whether the host that is logged in to proved its key for this very login. */
  check(login: UserauthData): LoginCheck {
    const { hops } = this;
    const last = this.#binds.at(-1);
    if (!last) return this.#unverified(UNBOUND);
    const gap = findGap(last, login);
    if (gap !== undefined) return this.#unverified(gap);
    const { hostKey } = last;
    if (this.#fault !== undefined) return this.#unverified(this.#fault, hostKey);
    // ssh-agent.c asks for it too: a host on the way could otherwise relay a session that it has a part in
    if (hops.length > 0 && !login.hostKey) return this.#unverified("login not bound to a host key", hostKey);
    return { verified: true, hostKey, hops };
  }

  #unverified(gap: string, hostKey?: Buffer): LoginCheck {
    const reason = this.#fault ?? gap;
    return { verified: false, reason, hops: this.hops, ...(hostKey && { hostKey }) };
  }
}

/** Why the connection's last bind doesn't stand for this login; undefined if it does. */
function findGap(last: SessionBind, login: UserauthData): string | undefined {
  if (last.isForwarding) return "no session-bind behind the last hop";
  if (!last.sessionIdentifier.equals(login.sessionIdentifier)) return "session identifier differs";
  if (login.hostKey && !login.hostKey.equals(last.hostKey)) return "host key differs";
  return undefined;
}

/** A copy, as the details are a view on the connection's buffer. Undefined for what OpenSSH can't read. */
function readBind(details: Buffer): SessionBind | undefined {
  try {
    const bind = parseSessionBind(Buffer.from(details));
    const key = parsePublicKey(bind.hostKey);
    // cert_parse() of sshkey.c verifies the authority's signature whenever it reads a certificate
    return key.kind === "certificate" && verifyCertificate(key) === "invalid" ? undefined : bind;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

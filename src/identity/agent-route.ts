/**
 * The way of the requests on one agent connection: the hosts that it was forwarded through, and the one that
 * is logged in to. Both come from the session-binds on the connection (OpenSSH's PROTOCOL.agent §1).
 */
import { type Caller, processKey, type Whereabouts } from "../policy/request.ts";
import type { SignedData } from "../wire/signed-data.ts";
import { type DestinationResolver, isOpenSsh } from "./destination.ts";
import type { GitAskers } from "./git/askers.ts";
import type { Logins } from "./logins.ts";
import { SessionBindings } from "./session-bindings.ts";
import type { SessionRegistry } from "./session-registry.ts";

/** What the guard's connection to a client of the agent needs to know of its way. */
export interface AgentRoute {
  /** Takes the details of a session-bind@openssh.com extension. */
  bind(details: Buffer, caller: Caller): "accepted" | "refused" | "unsupported";
  /** Whether the connection says over which hosts it was forwarded. */
  readonly isForwarded: boolean;
  /** @param signed what is to be signed; undefined for a request that signs nothing */
  resolve(signed: SignedData | undefined, caller: Caller): Whereabouts | Promise<Whereabouts>;
  /** For a list of keys: before anything is to be signed. */
  listedFor(caller: Caller): Omit<Whereabouts, "user"> | Promise<Omit<Whereabouts, "user">>;
  /** Takes note of a signature that was allowed, and made. */
  wasSigned(signed: SignedData, caller: Caller): void;
  /** The connection has ended. */
  end(): void;
}

const NOWHERE = { path: [], forwarded: false };

export function agentRoute(
  sessions: SessionRegistry,
  destinations: DestinationResolver,
  logins: Logins,
  git: Pick<GitAskers, "claims">,
): AgentRoute {
  let made: SessionBindings | undefined;
  let noted: { caller: Caller; hostKey: Buffer; user: string } | undefined;
  const bindingsOf = (caller: Caller): SessionBindings => {
    made ??= new SessionBindings(sessions, processKey(caller));
    return made;
  };
  const look = async (
    signed: SignedData | undefined,
    caller: Caller,
    isForGit: boolean,
  ): Promise<Whereabouts> => {
    const bindings = bindingsOf(caller);
    const where = destinations.resolve(bindings, signed, caller);
    if (!isForGit || bindings.forwarded) return where;
    return { ...(await where), ...(await git.claims(caller)) };
  };
  return {
    bind(details, caller) {
      const bindings = bindingsOf(caller);
      // only OpenSSH's client makes session-binds. A PuTTY that forwards its agent passes on those of the far
      // side, and adds none of its own.
      const verdict = bindings.bind(details, !isOpenSsh(caller.exe));
      if (bindings.ownHost) destinations.prepare?.(bindings.ownHost);
      return verdict;
    },
    get isForwarded() {
      return (made?.hops.length ?? 0) > 0;
    },
    resolve(signed, caller) {
      const isForGit = signed?.kind === "sshsig" && signed.namespace === "git";
      return made || isForGit || signed?.kind === "userauth" ? look(signed, caller, isForGit) : NOWHERE;
    },
    wasSigned(signed, caller) {
      if (signed.kind !== "userauth") return;
      const bindings = bindingsOf(caller);
      // a bind alone is no login: it says that a host was reached, and nobody had to allow that
      if (bindings.forwarded || !bindings.check(signed).verified) return;
      const [hostKey, { user }] = [bindings.ownHost, signed];
      // the same object is the same image of the same process
      if (!hostKey || (noted?.caller === caller && noted.hostKey === hostKey && noted.user === user)) return;
      logins.add(caller, { hostKey, user });
      noted = { caller, hostKey, user };
    },
    end() {
      made?.end();
    },
    listedFor(caller) {
      return made ? destinations.listedFor(made, caller) : NOWHERE;
    },
  };
}

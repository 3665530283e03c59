/** The way of the requests on one agent connection, from the session-binds that came over it. */
import type { Route } from "../guard/agent/connection.ts";
import { type Caller, processKey } from "../policy/request.ts";
import { type DestinationResolver, isOpenSsh } from "./destination.ts";
import type { Logins } from "./logins.ts";
import { SessionBindings } from "./session-bindings.ts";
import type { SessionRegistry } from "./session-registry.ts";

export function agentRoute(
  sessions: SessionRegistry,
  destinations: DestinationResolver,
  logins: Logins,
): Route {
  let made: SessionBindings | undefined;
  const bindingsOf = (caller: Caller): SessionBindings => {
    made ??= new SessionBindings(sessions, processKey(caller));
    return made;
  };
  return {
    bind(details, caller) {
      const bindings = bindingsOf(caller);
      // only OpenSSH's client makes session-binds: a PuTTY that forwards its agent passes on those of the far
      // side, without one of its own
      const verdict = bindings.bind(details, !isOpenSsh(caller.exe));
      const hostKey = bindings.ownHost;
      if (hostKey) logins.add(caller, { hostKey });
      return verdict;
    },
    resolve(signed, caller) {
      const bindings = bindingsOf(caller);
      const hostKey = bindings.ownHost;
      if (hostKey && signed?.kind === "userauth") logins.add(caller, { hostKey, user: signed.user });
      return destinations.resolve(bindings, signed, caller);
    },
  };
}

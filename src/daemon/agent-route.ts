/** The way of the requests on one agent connection, from the session-binds that came over it. */
import type { Route } from "../guard/agent-connection.ts";
import { type DestinationResolver, isOpenSsh } from "../identity/destination.ts";
import { SessionBindings } from "../identity/session-bindings.ts";
import type { SessionRegistry } from "../identity/session-registry.ts";
import type { Caller } from "../policy/request.ts";

export function agentRoute(sessions: SessionRegistry, destinations: DestinationResolver): Route {
  let made: SessionBindings | undefined;
  const bindingsOf = ({ pid, startTime }: Caller): SessionBindings => {
    made ??= new SessionBindings(sessions, `${pid} ${startTime}`);
    return made;
  };
  return {
    // only OpenSSH's client makes session-binds: a PuTTY that forwards its agent passes on those of the far side, without one of its own
    bind: (details, caller) => bindingsOf(caller).bind(details, !isOpenSsh(caller.exe)),
    resolve: (signed, caller) => destinations.resolve(bindingsOf(caller), signed, caller),
  };
}

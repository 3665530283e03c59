/** What an approval covers of the sessions over shared connections: as text, to compare. */
import { placeOf, type Reach, whoIsAllowed } from "../coverage.ts";
import type { Caller, Request } from "../request.ts";

/** A request that is asked about, and what decided that. */
export interface Coverable {
  request: Request;
  caller: Caller;
  /** The run that it came from. */
  run: string | undefined;
  /** As text to compare. */
  by: string;
  /** Who had to say yes to it, as text to compare: what fewer allowed does not cover it. */
  persons?: string | undefined;
  /** Of a request over a shared connection: which one, as text to compare. */
  connection?: string | undefined;
}

/**
 * What an approved login covers besides logins: the plain sessions that share such a connection, decided by
 * the same rule. The same programs could as well log in again. Forwards, and sessions that bring X11 or the
 * agent along, are asked about by themselves.
 */
export function sessionsCovered(login: Coverable, reach: Reach): string | undefined {
  const { kind, data, forwarded } = login.request;
  const isOwnLogin = kind === "sign" && data === "userauth" && !forwarded;
  return isOwnLogin ? sharedConnection(login, reach) : undefined;
}

/**
 * What an approved login covers for this session to be covered by it: the counterpart of {@link
 * sessionsCovered}.
 */
export function asPlainSession(session: Coverable, reach: Reach): string | undefined {
  return isPlainSession(session.request) ? sharedConnection(session, reach) : undefined;
}

/**
 * What an approved plain session covers besides itself: any other on that very connection, by the same line of
 * programs. Undefined for what is no plain session, or on no connection.
 */
export function onConnection(session: Coverable, reach: Reach): string | undefined {
  const { request, caller, run, by, connection } = session;
  if (connection === undefined || !isPlainSession(request)) return undefined;
  return JSON.stringify(["on connection", connection, by, request.user, whoIsAllowed(caller, run, reach)]);
}

/** Without X11 and the agent. */
export function isPlainSession({ kind, x11, forwardAgent }: Request): boolean {
  return kind === "session" && !x11 && !forwardAgent;
}

function sharedConnection({ request, caller, run, by }: Coverable, reach: Reach): string | undefined {
  const { destination, user } = request;
  if (!destination?.verified || destination.hostKey === undefined || user === undefined) return undefined;
  const place = placeOf(destination);
  return JSON.stringify(["shared", by, ...place, user, whoIsAllowed(caller, run, reach)]);
}

/** The guard's side: to one client. What a client asks is checked before anything looks at it. */
import type { Socket } from "node:net";
import * as z from "zod/mini";
import {
  type Answer,
  type Check,
  Connection,
  type Params,
  type Requests,
  type Result,
} from "./connection.ts";
import type { FromClient, FromGuard } from "./requests.ts";
import { paramSchemas, resultSchemas } from "./schemas.ts";

export type ClientConnection = Connection<FromGuard, FromClient>;

/** The most that a client may send in one line, in bytes. */
const MAX_LINE = 1024 * 1024;

/**
 * Serves one client.
 * @param most that it may send in all, in bytes
 * @param offer says what it may ask for
 */
export function serveClient(
  socket: Socket,
  most: number,
  offer: (connection: ClientConnection) => void,
): void {
  offer(new Connection(socket, { peer: "the client", line: Math.min(most, MAX_LINE), all: most }));
}

/** A client that is not served: each of its requests is answered with the reason. */
export function turnAwayClient(socket: Socket, refusal: string): void {
  new Connection(socket, { peer: "the client", line: MAX_LINE, all: MAX_LINE, refusal });
}

/** Answers a request whose parameters are what they should be. Others are refused before that. */
export function serve<M extends Requests<FromClient>>(
  connection: ClientConnection,
  method: M,
  answer: Answer<Params<FromClient, M>, Result<FromClient, M>>,
): void {
  const schema: z.core.$ZodType<Params<FromClient, M>> = paramSchemas[method];
  connection.onRequest(method, checkedBy(schema, `what was sent with "${method}" is not understood`), answer);
}

/** Asks on the client's terminal. @param signal aborted when the answer is no longer wanted */
export function ask<M extends Requests<FromGuard>>(
  connection: ClientConnection,
  method: M,
  params: Params<FromGuard, M>,
  signal: AbortSignal,
): Promise<Result<FromGuard, M>> {
  const schema: z.core.$ZodType<Result<FromGuard, M>> = resultSchemas[method];
  return connection.request(method, params, checkedBy(schema, "the client's answer is none"), signal);
}

/** What was sent is not repeated: it may be a secret. */
function checkedBy<T>(schema: z.core.$ZodType<T>, otherwise: string): Check<T> {
  return (value) => {
    const checked = z.safeParse(schema, value);
    if (!checked.success) throw new Error(otherwise);
    return checked.data;
  };
}

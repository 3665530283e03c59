/** The client's side: to a guard. It loads little, as ssh and `muxguard run` wait for it. */
import { connect, type Socket } from "node:net";
import { hasCode, isShortage } from "../errors.ts";
import { Connection } from "./connection.ts";
import type { FromClient, FromGuard } from "./requests.ts";

export type GuardConnection = Connection<FromClient, FromGuard>;

/** What a guard may send in one line, in bytes: many questions may be open, with long command lines. */
const MAX_LINE = 64 * 1024 * 1024;

export interface ConnectOptions {
  /** Whether what listens there is a guard. */
  isGuard?: (socket: Socket) => boolean;
  /** The most that it may send in all, in bytes; as much as it likes for a guard that was looked at. */
  most?: number;
}

/**
 * Connects to a guard; undefined if nobody listens there.
 * @throws Error where that can't be said: without a free descriptor, or where more wait than it takes
 */
export function connectRpc(
  path: string,
  { isGuard = () => true, most = Number.POSITIVE_INFINITY }: ConnectOptions = {},
): Promise<GuardConnection | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const failed = (error: unknown): void => {
      if (hasCode(error, "EAGAIN")) reject(new Error(`too many wait for the guard at ${path}`));
      else if (isShortage(error)) reject(error);
      else resolve(undefined);
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.removeListener("error", failed);
      try {
        if (isGuard(socket))
          return resolve(
            new Connection(socket, { peer: "the guard", line: Math.min(most, MAX_LINE), all: most }),
          );
        resolve(undefined);
      } catch (error) {
        reject(error);
      }
      socket.destroy();
    });
  });
}

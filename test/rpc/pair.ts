/** Both ends of a connection, of which one or both speak the RPC. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Connection } from "../../src/rpc/connection.ts";
import { makeFolder } from "../support/agents.ts";

interface One {
  requests: {
    double: { params: number; result: number };
    wait: { params: null; result: string };
    missing: { params: null; result: null };
  };
  notifications: { told: string };
}

export type Both = Connection<One, One>;

export interface Limits {
  line?: number;
  all?: number;
}

/** Two connected sockets. */
export async function sockets(): Promise<[Socket, Socket]> {
  const server = createServer();
  const path = join(makeFolder(), "s");
  server.listen(path);
  await once(server, "listening");
  const near = connect(path);
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [
    [Socket],
    unknown,
  ];
  far.on("error", () => {});
  near.on("error", () => {});
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

export function speak(socket: Socket, peer: string, { line = 100_000, all = 10_000_000 }: Limits = {}): Both {
  return new Connection(socket, { peer, line, all });
}

export const number = (value: unknown): number => {
  if (typeof value !== "number") throw new Error("not a number");
  return value;
};
export const text = (value: unknown): string => {
  if (typeof value !== "string") throw new Error("not a text");
  return value;
};
export const nothing = (value: unknown): null => {
  if (value !== null) throw new Error("not null");
  return value;
};

/** A side that answers all there is. */
export function answering(side: Both): Both {
  side.onRequest("double", number, (params) => 2 * params);
  side.onRequest(
    "wait",
    nothing,
    (_, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  return side;
}

/** One side speaks, the other writes bytes. `next` is the next line that it got. */
export async function against(
  limits?: Limits,
): Promise<{ side: Both; peer: Socket; lines: () => string[]; next(): Promise<string> }> {
  const [near, far] = await sockets();
  const side = speak(near, "the peer", limits);
  let received = "";
  far.setEncoding("utf8").on("data", (more: string) => {
    received += more;
  });
  const lines = (): string[] => received.split("\n").slice(0, -1);
  let read = 0;
  const next = async (): Promise<string> => {
    read += 1;
    while (lines().length < read) await once(far, "data");
    return lines()[read - 1] ?? "";
  };
  return { side, peer: far, lines, next };
}

/** Not events.once(): that rejects where a write has failed before. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** Why a connection is over, once it is. */
export async function reasonOf({ gone }: Both): Promise<string> {
  if (!gone.aborted) await once(gone, "abort");
  return (gone.reason as Error).message;
}

/**
 * Whether a server says something at all. NATS's client waits on with a socket that nobody closes where one takes
 * connections and is silent, as one that is stopped: such a server is not handed to it.
 */
import { connect } from "node:net";

/** How a server begins: docs.nats.io, Client Protocol. */
const GREETING = "INFO ";

/**
 * The first of them that greets.
 * @param patience for each of them, in milliseconds
 * @throws Error that says why the last one does not
 */
export async function greeting(
  servers: readonly string[],
  patience: number,
  signal: AbortSignal,
): Promise<string> {
  let fault: unknown = new Error("there is no server");
  for (const server of servers) {
    if (signal.aborted) break;
    try {
      await greets(new URL(server), patience, signal);
      return server;
    } catch (error) {
      fault = error;
    }
  }
  throw fault;
}

function greets({ hostname, port }: URL, patience: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 4222) });
    const end = (error?: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    const aborted = (): void => end(new Error("the guard ends"));
    const timer = setTimeout(() => end(new Error("timeout")), patience);
    signal.addEventListener("abort", aborted, { once: true });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      end(error.code === "ECONNREFUSED" ? new Error("connection refused") : error),
    );
    socket.on("close", () => end(new Error("the server closes the connection")));
    socket.once("data", (data) => {
      const isGreeting = data.toString("latin1", 0, GREETING.length) === GREETING;
      end(isGreeting ? undefined : new Error("it is no NATS server"));
    });
  });
}

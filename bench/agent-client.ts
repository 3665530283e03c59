/**
 * A client of an agent socket with as little of its own as possible: one connection, one request in flight.
 * RFC 9987.
 */
import { connect, type Socket } from "node:net";
import { type Frame, FrameDecoder } from "../src/wire/frame.ts";

interface Waiting {
  resolve(reply: Frame): void;
  reject(error: Error): void;
}

export class AgentClient {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  #waiting: Waiting | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#waiting?.reject(new Error("the agent closed the connection")));
  }

  static async connect(path: string): Promise<AgentClient> {
    return new AgentClient(await connectPatiently(path));
  }

  request({ packet }: Frame): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(packet);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #receive(chunk: Buffer): void {
    for (const reply of this.#decoder.push(chunk)) {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(reply);
    }
  }
}

/** Waits for a place in the listener's backlog, as a blocking connect(2) does; Node's fails with EAGAIN. */
async function connectPatiently(path: string): Promise<Socket> {
  for (;;) {
    const socket = await tryConnect(path);
    if (socket) return socket;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Undefined if the backlog is full. */
function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const failed = (error: NodeJS.ErrnoException): void =>
      error.code === "EAGAIN" ? resolve(undefined) : reject(error);
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.removeListener("error", failed);
      resolve(socket);
    });
  });
}

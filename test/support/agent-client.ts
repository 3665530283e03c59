/** A client of an agent socket that says exactly what a test wants said: whole requests, or any bytes. */
import { connect, type Socket } from "node:net";
import {
  type AgentReply,
  type AgentRequest,
  encodeAgentRequest,
  type Identity,
  parseAgentReply,
} from "../../src/wire/agent/agent.ts";
import { SESSION_BIND } from "../../src/wire/agent/session-bind.ts";
import { encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";

interface Waiting {
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

export class AgentClient {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #replies: Buffer[] = [];
  readonly #waiting: Waiting[] = [];
  /** Resolves when the connection has ended, from whichever side. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {}); // "close" follows
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    void this.closed.then(() => {
      for (const waiting of this.#waiting.splice(0))
        waiting.reject(new Error("the agent closed the connection"));
    });
  }

  static open(path: string): Promise<AgentClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("connect", () => resolve(new AgentClient(socket)));
      socket.once("error", reject);
    });
  }

  #receive(chunk: Buffer): void {
    for (const { payload } of this.#decoder.push(chunk)) {
      const waiting = this.#waiting.shift();
      if (waiting) waiting.resolve(payload);
      else this.#replies.push(payload);
    }
  }

  /** Any bytes, framed or not. */
  send(...parts: Buffer[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  /** The next answer's payload. Rejects if the connection ends without one. */
  reply(): Promise<Buffer> {
    const reply = this.#replies.shift();
    if (reply) return Promise.resolve(reply);
    if (this.#socket.destroyed) return Promise.reject(new Error("the agent closed the connection"));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  exchange(payload: Buffer): Promise<Buffer> {
    this.send(encodeFrame(payload).packet);
    return this.reply();
  }

  async ask(request: AgentRequest): Promise<AgentReply> {
    return parseAgentReply(await this.exchange(encodeAgentRequest(request)));
  }

  async list(): Promise<readonly Identity[]> {
    const reply = await this.ask({ type: "SSH_AGENTC_REQUEST_IDENTITIES" });
    if (reply.type !== "SSH_AGENT_IDENTITIES_ANSWER") throw new Error(`no list: ${reply.type}`);
    return reply.identities;
  }

  /** The signature blob; undefined if the agent refused. */
  async sign(key: Buffer, data: Buffer, flags = 0): Promise<Buffer | undefined> {
    const reply = await this.ask({ type: "SSH_AGENTC_SIGN_REQUEST", key, data, flags });
    return reply.type === "SSH_AGENT_SIGN_RESPONSE" ? reply.signature : undefined;
  }

  /** @param details of a session-bind@openssh.com request */
  bind(details: Buffer): Promise<AgentReply> {
    return this.ask({ type: "SSH_AGENTC_EXTENSION", name: SESSION_BIND, details });
  }

  /** Bytes that the other side has not taken yet. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Takes no more answers from the socket. */
  stopReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** What goes over the wire for a request, length included. */
export function packet(request: AgentRequest): Buffer {
  return encodeFrame(encodeAgentRequest(request)).packet;
}

/**
 * One mux client's connection to the master. The client's own greeting and requests go up as they came; the
 * master's answers come down likewise.
 */
import { type Frame, FrameDecoder } from "../../wire/frame.ts";
import { parseMuxReply } from "../../wire/mux/reply.ts";

/** A connected control socket. */
export interface MuxSocket {
  listen(events: MuxSocketEvents): void;
  /** The descriptors belong to the socket from then on. */
  send(bytes: Buffer, descriptors?: readonly number[]): void;
  /** True if too much waits to be sent. */
  readonly isFull: boolean;
  pause(): void;
  resume(): void;
  /** Closes once all is sent. */
  end(): void;
  destroy(): void;
}

export interface MuxSocketEvents {
  receive(bytes: Buffer, descriptors: number[]): void;
  closed(): void;
  drained?(): void;
}

export interface MasterLinkEvents {
  /** For the client. */
  receive(packet: Buffer): void;
  closed(): void;
  drained(): void;
}

/**
 * "proxied" if the connection carries the connection protocol from now on, "closed" if it ended before there
 * was an answer.
 */
export type Reply = "answered" | "refused" | "proxied" | "closed";

export class MasterLink {
  readonly #socket: MuxSocket;
  readonly #events: MasterLinkEvents;
  readonly #decoder = new FrameDecoder();
  /** Goes up with the first request. */
  #greeting: Buffer | undefined;
  #greeted = false;
  #closed = false;
  #replied: ((reply: Reply) => void) | undefined;

  /** @param greeting the client's MUX_MSG_HELLO, as it came */
  constructor(socket: MuxSocket, greeting: Buffer, events: MasterLinkEvents) {
    this.#socket = socket;
    this.#greeting = greeting;
    this.#events = events;
  }

  /**
   * Sends a request and waits for its answer, which goes to the client by itself. The descriptors belong to
   * the link from then on.
   */
  exchange({ packet }: Frame, descriptors: readonly number[]): Promise<Reply> {
    const reply = new Promise<Reply>((resolve) => {
      if (this.#closed) resolve("closed");
      else this.#replied = resolve;
    });
    const greeting = this.#greeting;
    this.#greeting = undefined;
    this.#socket.send(greeting ? Buffer.concat([greeting, packet]) : packet, descriptors);
    if (greeting) this.#listen(); // to listen takes longer than to send, and the master has work to do
    return reply;
  }

  #listen(): void {
    this.#socket.listen({
      receive: (bytes) => this.#receive(bytes),
      closed: () => this.#close(),
      drained: () => this.#events.drained(),
    });
  }

  /** Sends what is no request: messages of the connection protocol. */
  send(packet: Buffer): void {
    this.#socket.send(packet);
  }

  get isFull(): boolean {
    return this.#socket.isFull;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  destroy(): void {
    this.#closed = true;
    this.#socket.destroy();
    this.#settle("closed");
  }

  #receive(bytes: Buffer): void {
    try {
      for (const frame of this.#decoder.push(bytes)) this.#take(frame);
    } catch {
      this.#close(); // what is no mux packet is no master's either
    }
  }

  /** The first packet is the master's greeting: the client has had it already. */
  #take({ packet, payload }: Frame): void {
    if (!this.#greeted) {
      this.#greeted = true;
      return;
    }
    this.#events.receive(packet);
    if (this.#replied) this.#settle(replyOf(payload));
  }

  #settle(reply: Reply | "event"): void {
    if (reply === "event") return;
    this.#replied?.(reply);
    this.#replied = undefined;
  }

  #close(): void {
    if (this.#closed) return;
    this.destroy();
    this.#events.closed();
  }
}

/** "event" for what a master says of a session that runs. */
function replyOf(payload: Buffer): Reply | "event" {
  switch (parseMuxReply(payload).type) {
    case "MUX_S_EXIT_MESSAGE":
    case "MUX_S_TTY_ALLOC_FAIL":
      return "event";
    case "MUX_S_PROXY":
      return "proxied";
    case "MUX_S_PERMISSION_DENIED":
    case "MUX_S_FAILURE":
      return "refused";
    default:
      return "answered";
  }
}

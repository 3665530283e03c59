/**
 * A mux client inside of the guard, for whoever can't come to a control socket: it speaks PROTOCOL.mux to the
 * guard's own end of such a connection. So what it asks for is decided there as any other client's is, and the
 * master reads and writes the descriptors that it hands over.
 */
import { encodeFrame, FrameDecoder } from "../../wire/frame.ts";
import { MUX_VERSION } from "../../wire/mux/message-numbers.ts";
import { type MuxReply, parseMuxReply } from "../../wire/mux/reply.ts";
import { encodeMuxRequest, type MuxPort, type MuxRequest } from "../../wire/mux/request.ts";
import type { MuxSocket, MuxSocketEvents } from "./master-link.ts";

export type InnerRequest =
  /** A login shell for an empty command. */
  | { kind: "session"; command: string; subsystem: boolean; environment: string[] }
  | { kind: "stdio"; host: string; port: MuxPort };

/** How it ended; "lost" where the connection did before the session. */
export type InnerEnd = { exit: number } | { refused: string } | "lost";

/** SSH_ESCAPECHAR_NONE of OpenSSH's, as mux.c sends it. */
const NO_ESCAPE = 0xffffffff;
const REQUEST_ID = 0;

/**
 * Asks, and waits for the end. Never rejects.
 * @param descriptors stdin, stdout, and for a session stderr; they belong to the connection from now on
 * @param serve is handed the guard's end of the connection
 * @param gone aborted when whoever asks went away
 */
export function innerClient(
  request: InnerRequest,
  descriptors: number[],
  serve: (socket: MuxSocket) => void,
  gone: AbortSignal,
): Promise<InnerEnd> {
  return new Promise((resolve) => {
    const replies = new Replies(request.kind);
    const socket = new InnerSocket(
      (bytes) => replies.take(bytes),
      () => resolve(replies.end),
    );
    serve(socket);
    const leave = (): void => socket.leave();
    if (gone.aborted) leave();
    gone.addEventListener("abort", leave, { once: true });
    socket.say(Buffer.concat([HELLO, encodeRequest(request), Buffer.alloc(descriptors.length)]), descriptors);
  });
}

const HELLO = packetOf({ type: "MUX_MSG_HELLO", version: MUX_VERSION, extensions: [] });

function encodeRequest(request: InnerRequest): Buffer {
  if (request.kind === "stdio") {
    const { host, port } = request;
    return packetOf({ type: "MUX_C_NEW_STDIO_FWD", requestId: REQUEST_ID, host, port });
  }
  const { command, subsystem, environment } = request;
  return packetOf({
    type: "MUX_C_NEW_SESSION",
    requestId: REQUEST_ID,
    wantTty: false,
    wantX11: false,
    wantAgent: false,
    subsystem,
    escapeCharacter: NO_ESCAPE,
    terminal: "",
    command,
    environment,
  });
}

function packetOf(request: MuxRequest): Buffer {
  return encodeFrame(encodeMuxRequest(request)).packet;
}

/** What the guard, and then the master, said. */
class Replies {
  readonly #decoder = new FrameDecoder();
  readonly #kind: InnerRequest["kind"];
  #end: InnerEnd = "lost";

  constructor(kind: InnerRequest["kind"]) {
    this.#kind = kind;
  }

  take(bytes: Buffer): void {
    for (const { payload } of this.#decoder.push(bytes)) this.#read(parseMuxReply(payload));
  }

  #read(reply: MuxReply): void {
    switch (reply.type) {
      case "MUX_S_SESSION_OPENED":
        // mux.c: a stdio forward ends with 0, a session without an exit status with 255
        this.#end = { exit: this.#kind === "stdio" ? 0 : 255 };
        break;
      case "MUX_S_EXIT_MESSAGE":
        this.#end = { exit: reply.exitValue };
        break;
      case "MUX_S_PERMISSION_DENIED":
      case "MUX_S_FAILURE":
        this.#end = { refused: reply.reason };
        break;
      default:
    }
  }

  get end(): InnerEnd {
    return this.#end;
  }
}

/** The guard's end: what is sent here is the client's to read, and there is no wire in between. */
class InnerSocket implements MuxSocket {
  readonly isFull = false;
  readonly #receive: (bytes: Buffer) => void;
  readonly #ended: () => void;
  #events: MuxSocketEvents | undefined;
  #closed = false;

  constructor(receive: (bytes: Buffer) => void, ended: () => void) {
    this.#receive = receive;
    this.#ended = ended;
  }

  listen(events: MuxSocketEvents): void {
    this.#events = events;
  }

  send(bytes: Buffer): void {
    if (!this.#closed) this.#receive(bytes);
  }

  pause(): void {}

  resume(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended();
  }

  /** From the client's side. A connection that is closed closes the descriptors. */
  say(bytes: Buffer, descriptors: number[]): void {
    this.#events?.receive(bytes, descriptors);
  }

  leave(): void {
    if (this.#closed) return;
    this.#events?.closed();
    this.destroy();
  }
}

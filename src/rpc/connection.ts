/**
 * One side of a connection of the RPC: asks, answers, and hears that an answer is no longer wanted. Both
 * sides are the same. What comes from the other side is `unknown` until a check has looked at it.
 *
 * Whoever breaks the protocol, or sends more than was agreed, is cut off. Nothing of it is answered.
 */
import type { Socket } from "node:net";
import { messageOf } from "../errors.ts";
import { unreachable } from "../unreachable.ts";
import { LineDecoder } from "./lines.ts";
import { encodeMessage, type Message, parseMessage } from "./message.ts";

/** What one side may send: the names of its requests and notifications, and what belongs to them. */
export interface Side {
  requests: Record<string, { params: unknown; result: unknown }>;
  notifications: Record<string, unknown>;
}

export type Requests<S extends Side> = keyof S["requests"] & string;
export type Params<S extends Side, M extends Requests<S>> = S["requests"][M]["params"];
export type Result<S extends Side, M extends Requests<S>> = S["requests"][M]["result"];
type Notifications<S extends Side> = keyof S["notifications"] & string;

/** Returns the value if it is what it should be. @throws Error */
export type Check<T> = (value: unknown) => T;

/** @param signal aborted when nobody waits for the answer any more */
export type Answer<P, R> = (params: P, signal: AbortSignal) => R | Promise<R>;

/** The codes of errors. The words of an error are for the user, whatever its code. */
const FAILED = 1;
const UNKNOWN_METHOD = 2;

/** How many requests of the other side may be open. */
const MAX_OPEN = 1000;

/** How much may wait for a side that does not read, in bytes. */
const MAX_UNSENT = 4 * 1024 * 1024;

/** What the other side answered instead of a result; or what it is to be answered, with a code of its own. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ConnectionOptions {
  /** The other side, as errors name it: "the guard". */
  peer: string;
  /** The most that it may send in one line, in bytes. */
  line: number;
  /** The most that it may send in all, in bytes. */
  all: number;
  /** The error that each of its requests is answered with, where nothing is served. */
  refusal?: string;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(reason: Error): void;
}

/** @typeParam Ours what this side may send @typeParam Theirs what the other side may */
export class Connection<Ours extends Side, Theirs extends Side> {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #lines: LineDecoder;
  readonly #over = new AbortController();
  /** By the names of the other side's requests. */
  readonly #handlers = new Map<string, Answer<unknown, unknown>>();
  readonly #listeners = new Map<string, (params: unknown) => void>();
  /** What was asked there, and what is asked here. */
  readonly #asked = new Map<number, Waiting>();
  readonly #answering = new Map<number, AbortController>();
  #lastId = 0;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#lines = new LineDecoder(options.line);
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("error", () => this.#end(this.#hasEnded()));
    socket.on("close", () => this.#end(this.#hasEnded()));
  }

  /** Aborted when the connection is over, with the reason. */
  get gone(): AbortSignal {
    return this.#over.signal;
  }

  /**
   * Asks the other side.
   * @param signal aborted when the answer is no longer wanted; the other side hears of it, and its answer is
   * waited for all the same: what it shows has to leave the screen first
   * @throws RpcError for an error that the other side answers
   * @throws Error if the connection ends before the answer is there, or the answer is none
   */
  async request<M extends Requests<Ours>>(
    method: M,
    params: Params<Ours, M>,
    check: Check<Result<Ours, M>>,
    signal?: AbortSignal,
  ): Promise<Result<Ours, M>> {
    signal?.throwIfAborted();
    this.gone.throwIfAborted();
    this.#lastId += 1;
    const id = this.#lastId;
    const cancel = (): void => this.#send({ kind: "cancel", id });
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return check(
        await new Promise((resolve, reject) => {
          this.#asked.set(id, { resolve, reject });
          this.#send({ kind: "request", id, method, params });
        }),
      );
    } finally {
      this.#asked.delete(id);
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Tells the other side, if it is still there. */
  notify<M extends Notifications<Ours>>(method: M, params: Ours["notifications"][M]): void {
    this.#send({ kind: "notification", method, params });
  }

  /** What a request is answered with. An error that is thrown goes back with its words. */
  onRequest<M extends Requests<Theirs>>(
    method: M,
    check: Check<Params<Theirs, M>>,
    answer: Answer<Params<Theirs, M>, Result<Theirs, M>>,
  ): void {
    this.#handlers.set(method, (params, signal) => answer(check(params), signal));
  }

  onNotification<M extends Notifications<Theirs>>(
    method: M,
    check: Check<Theirs["notifications"][M]>,
    listen: (params: Theirs["notifications"][M]) => void,
  ): void {
    this.#listeners.set(method, (params) => listen(check(params)));
  }

  /** What was sent before still arrives, if the other side reads it. Nothing waits for that. */
  end(): void {
    this.#finish(this.#hasEnded());
    this.#socket.end(() => this.#socket.destroy());
    this.#socket.unref();
  }

  #receive(bytes: Buffer): void {
    if (this.gone.aborted) return;
    try {
      if (this.#socket.bytesRead > this.#options.all) throw new Error(`more than ${this.#options.all} bytes`);
      for (const line of this.#lines.push(bytes)) {
        this.#take(parseMessage(line));
        if (this.gone.aborted) return;
      }
    } catch (error) {
      this.#end(new Error(`${this.#options.peer} is cut off: it sent ${messageOf(error)}`));
    }
  }

  #take(message: Message): void {
    switch (message.kind) {
      case "request":
        this.#serve(message);
        break;
      case "result":
        this.#waitingFor(message.id).resolve(message.result);
        break;
      case "error":
        this.#waitingFor(message.id).reject(new RpcError(message.code, message.message));
        break;
      case "cancel": // nobody is there to cancel where the answer is on its way
        this.#answering.get(message.id)?.abort(new Error("this is no longer asked"));
        break;
      case "notification":
        this.#listeners.get(message.method)?.(message.params);
        break;
      default:
        unreachable(message);
    }
  }

  #waitingFor(id: number): Waiting {
    const waiting = this.#asked.get(id);
    if (!waiting) throw new Error("an answer to nothing");
    this.#asked.delete(id);
    return waiting;
  }

  #serve({ id, method, params }: Extract<Message, { kind: "request" }>): void {
    if (this.#answering.has(id)) throw new Error("a second request with the number of an open one");
    if (this.#answering.size >= MAX_OPEN) throw new Error(`more than ${MAX_OPEN} requests at once`);
    const withdrawn = new AbortController();
    this.#answering.set(id, withdrawn);
    const { refusal } = this.#options;
    const answer = this.#handlers.get(method) ?? (refusal === undefined ? unknownMethod : refuse(refusal));
    this.#answer(id, () => answer(params, withdrawn.signal)).catch((error: Error) => this.#end(error));
  }

  async #answer(id: number, answer: () => unknown): Promise<void> {
    let line: string;
    try {
      line = encodeMessage({ kind: "result", id, result: (await answer()) ?? null });
    } catch (error) {
      const code = error instanceof RpcError ? error.code : FAILED;
      line = encodeMessage({ kind: "error", id, code, message: messageOf(error) });
    }
    this.#answering.delete(id);
    this.#sendLine(line);
  }

  #send(message: Message): void {
    this.#sendLine(encodeMessage(message));
  }

  #sendLine(line: string): void {
    if (this.gone.aborted) return;
    if (this.#socket.writableLength > MAX_UNSENT)
      this.#end(new Error(`${this.#options.peer} does not read what it is sent`));
    else this.#socket.write(line);
  }

  #hasEnded(): Error {
    return new Error(`${this.#options.peer} has ended`);
  }

  #end(reason: Error): void {
    this.#finish(reason);
    this.#socket.destroy();
  }

  #finish(reason: Error): void {
    if (this.gone.aborted) return;
    this.#over.abort(reason);
    for (const { reject } of this.#asked.values()) reject(reason);
    for (const withdrawn of this.#answering.values()) withdrawn.abort(reason);
    this.#asked.clear();
    this.#answering.clear();
  }
}

function refuse(reason: string): () => never {
  return () => {
    throw new RpcError(FAILED, reason);
  };
}

function unknownMethod(): never {
  throw new RpcError(UNKNOWN_METHOD, "unknown method");
}

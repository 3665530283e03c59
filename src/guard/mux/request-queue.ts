/**
 * What a mux client sends, one packet at a time: the next is answered when the one before was. Whichever side
 * does not read holds up the other.
 */
import { MuxDecoder, type MuxPacket } from "../../wire/mux/decoder.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { turns } from "../turns.ts";

/** What a client may send ahead, in bytes. Beyond it, it is not read until it has got answers. */
const MOST_AHEAD = 64 * 1024;
/** The same in descriptors: all that are left may be less than one client would send. */
const MOST_DESCRIPTORS = 12;

export interface RequestQueueParts {
  /** Never rejects. The packet's descriptors are the caller's to close. */
  answer(packet: MuxPacket): Promise<void>;
  /** It sends what no mux client does. */
  broken(): void;
  /** Closes descriptors that nobody took. */
  discard(descriptors: readonly number[]): void;
  /** Whether somebody takes no more of what is sent. */
  isFull(): boolean;
  /** The client's socket. */
  pause(): void;
  resume(): void;
}

export class RequestQueue {
  readonly #parts: RequestQueueParts;
  readonly #decoder = new MuxDecoder();
  #busy = false;
  #closed = false;

  constructor(parts: RequestQueueParts) {
    this.#parts = parts;
  }

  push(bytes: Buffer, descriptors: readonly number[]): void {
    if (this.#closed) {
      this.#parts.discard(descriptors);
      return;
    }
    this.#decoder.add(bytes, descriptors);
    if (this.#isAhead) this.#parts.pause();
    this.#goOn();
  }

  /** Somebody who took no more does so again. */
  drained(): void {
    if (this.#closed || this.#parts.isFull()) return;
    if (!this.#isAhead) this.#parts.resume();
    this.#goOn();
  }

  close(): void {
    this.#closed = true;
    this.#parts.discard(this.#decoder.release());
  }

  get #isAhead(): boolean {
    const { buffered, held, isReady } = this.#decoder;
    return (buffered > MOST_AHEAD || held > MOST_DESCRIPTORS) && isReady;
  }

  #goOn(): void {
    if (!this.#busy && !this.#parts.isFull()) void this.#answerAll(); // never rejects: answer() doesn't
  }

  async #answerAll(): Promise<void> {
    const { answer, isFull, pause, resume } = this.#parts;
    this.#busy = true;
    for (let hadOne = false; ; hadOne = true) {
      const turn = this.#decoder.isReady ? turns.next(hadOne) : undefined;
      if (turn) await turn;
      const packet = this.#next();
      if (!packet) break;
      await answer(packet);
      if (isFull()) {
        pause(); // until it has drained
        break;
      }
      if (!this.#isAhead) resume();
    }
    this.#busy = false;
  }

  #next(): MuxPacket | undefined {
    if (this.#closed) return undefined;
    try {
      return this.#decoder.next();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#parts.broken();
      return undefined;
    }
  }
}

/**
 * What a mux client sends, one packet at a time: the next is answered when the one before was. Whichever side
 * does not read holds up the other.
 */
import { MuxDecoder, type MuxPacket } from "../../wire/mux/decoder.ts";

/** What a client may send ahead. Beyond it, it is not read until it has got answers. */
const MAX_PENDING = 16;

export interface RequestQueueParts {
  /** Never rejects. The packet's descriptors are the caller's to close. */
  answer(packet: MuxPacket): Promise<void>;
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
  readonly #pending: MuxPacket[] = [];
  #busy = false;
  #closed = false;

  constructor(parts: RequestQueueParts) {
    this.#parts = parts;
  }

  /** @throws ProtocolError for what no mux client sends */
  push(bytes: Buffer, descriptors: readonly number[]): void {
    if (this.#closed) {
      this.#parts.discard(descriptors);
      return;
    }
    this.#pending.push(...this.#decoder.push(bytes, descriptors));
    if (this.#pending.length > MAX_PENDING) this.#parts.pause();
    this.#goOn();
  }

  /** Somebody who took no more does so again. */
  drained(): void {
    if (this.#parts.isFull()) return;
    this.#parts.resume();
    this.#goOn();
  }

  close(): void {
    this.#closed = true;
    this.#parts.discard(this.#decoder.release());
    for (const { descriptors } of this.#pending.splice(0)) this.#parts.discard(descriptors);
  }

  #goOn(): void {
    if (!this.#busy) void this.#answerPending(); // never rejects: answer() doesn't
  }

  async #answerPending(): Promise<void> {
    const { answer, isFull, pause, resume } = this.#parts;
    this.#busy = true;
    for (let packet = this.#pending.shift(); packet; packet = this.#pending.shift()) {
      await answer(packet);
      if (isFull()) {
        pause(); // until it has drained
        break;
      }
      if (this.#pending.length === 0) resume();
    }
    this.#busy = false;
  }
}

/**
 * Cuts what a mux client sends into packets, each with the descriptors that belong to it.
 *
 * OpenSSH sends a packet, then each descriptor with one byte of its own: mm_send_fd() of monitor_fdpass.c.
 * The byte's value means nothing. A read may hold the packet, or its end, and such a byte behind it. So it is
 * not known here which byte a descriptor came with, only their order. That does no harm: the guard sends the
 * packet and the descriptors on as OpenSSH would.
 */
import { type Frame, FrameDecoder } from "../frame.ts";
import { ProtocolError } from "../protocol-error.ts";
import { descriptorsAfter } from "./message-numbers.ts";

export interface MuxPacket {
  readonly frame: Frame;
  /** In the order in which they were passed. Whoever takes the packet closes them. */
  readonly descriptors: number[];
}

export class MuxDecoder {
  readonly #frames = new FrameDecoder();
  /** Received, and not yet part of a packet. */
  readonly #received: number[] = [];
  /** A packet that is there, but for descriptors that it announced. */
  #begun: MuxPacket | undefined;
  #failure: unknown;

  /** Bytes that were not taken out yet. */
  get buffered(): number {
    return this.#frames.buffered + (this.#begun?.frame.packet.length ?? 0);
  }

  /** How many descriptors were not taken out yet. */
  get held(): number {
    return this.#received.length + (this.#begun?.descriptors.length ?? 0);
  }

  /** Whether next() has something to return, or to throw. */
  get isReady(): boolean {
    return this.#failure !== undefined || (this.#begun ? this.#frames.buffered > 0 : this.#frames.isReady);
  }

  /** Takes what a read gave. */
  add(bytes: Buffer, descriptors: readonly number[] = []): void {
    this.#received.push(...descriptors);
    this.#frames.add(bytes);
  }

  /**
   * The next packet, if it is complete.
   *
   * After an error every further call throws it again. The descriptors that were not handed out wait for
   * release().
   * @throws ProtocolError for a frame that FrameDecoder refuses, and for descriptors that don't go with the
   * packets
   */
  next(): MuxPacket | undefined {
    if (this.#failure) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /**
   * The descriptors that were not handed out with a packet, for the owner to close: at the end of the
   * connection, or after an error.
   */
  release(): number[] {
    const begun = this.#begun?.descriptors.splice(0) ?? [];
    return [...begun, ...this.#received.splice(0)];
  }

  #next(): MuxPacket | undefined {
    const packet = this.#begun ?? this.#begin();
    this.#begun = packet;
    const isComplete = packet !== undefined && this.#complete(packet);
    // a descriptor comes with its byte, so none is ever early
    if ((!isComplete || this.#frames.buffered === 0) && this.#received.length > 0)
      throw new ProtocolError("a descriptor that no packet announced");
    if (isComplete) this.#begun = undefined;
    return isComplete ? packet : undefined;
  }

  #begin(): MuxPacket | undefined {
    const frame = this.#frames.next();
    return frame && { frame, descriptors: [] };
  }

  #complete({ frame, descriptors }: MuxPacket): boolean {
    const announced = descriptorsAfter(frame.payload);
    while (descriptors.length < announced && this.#frames.take(1)) {
      const descriptor = this.#received.shift();
      if (descriptor === undefined)
        throw new ProtocolError("the byte of a descriptor without the descriptor");
      descriptors.push(descriptor);
    }
    return descriptors.length === announced;
  }
}

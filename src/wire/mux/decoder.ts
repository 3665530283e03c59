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

/** As many as one packet can announce: stdin, stdout and stderr of a session. */
const MOST_DESCRIPTORS = 3;

export interface MuxPacket {
  readonly frame: Frame;
  /** In the order in which they were passed. Whoever takes the packet closes them. */
  readonly descriptors: number[];
}

export class MuxDecoder {
  readonly #frames = new FrameDecoder();
  /** Received, and not yet part of a packet. */
  #received: number[] = [];
  /** A packet that is there, but for descriptors that it announced. */
  #begun: MuxPacket | undefined;
  #failure: unknown;

  /** Bytes held back because their packet is not complete yet. */
  get buffered(): number {
    return this.#frames.buffered + (this.#begun?.frame.packet.length ?? 0);
  }

  /**
   * Takes what a read gave and returns the packets that it completes.
   *
   * After an error every further call throws it again. All descriptors then wait for release(), those of
   * packets before the error too.
   * @throws ProtocolError for a frame that FrameDecoder refuses, and for descriptors that don't go with the
   * packets
   */
  push(bytes: Buffer, descriptors: readonly number[] = []): MuxPacket[] {
    const packets: MuxPacket[] = [];
    this.#received.push(...descriptors);
    try {
      this.#read(bytes, packets);
    } catch (error) {
      this.#failure = error;
      this.#received.unshift(...packets.flatMap((packet) => packet.descriptors));
      throw error;
    }
    return packets;
  }

  /**
   * The descriptors that were not handed out with a packet, for the owner to close: at the end of the
   * connection, or after an error.
   */
  release(): number[] {
    const begun = this.#begun?.descriptors.splice(0) ?? [];
    return [...begun, ...this.#received.splice(0)];
  }

  #read(bytes: Buffer, packets: MuxPacket[]): void {
    if (this.#failure) throw this.#failure;
    const held = this.#received.length + (this.#begun?.descriptors.length ?? 0);
    if (held > MOST_DESCRIPTORS) throw new ProtocolError(`${held} descriptors at once`);
    this.#frames.add(bytes);
    for (let packet = this.#next(); packet; packet = this.#next()) packets.push(packet);
    // a descriptor comes with its byte, so none is ever early
    if (this.#received.length > 0) throw new ProtocolError("a descriptor that no packet announced");
  }

  #next(): MuxPacket | undefined {
    const packet = this.#begun ?? this.#begin();
    this.#begun = packet;
    if (!packet || !this.#complete(packet)) return undefined;
    this.#begun = undefined;
    return packet;
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

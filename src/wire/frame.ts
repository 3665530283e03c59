/**
 * Frames of the agent protocol: a uint32 length, then that many bytes (RFC 9987 §3). The first byte is the
 * message number. The same framing carries the ControlMaster protocol.
 *
 * Limits: a frame has at most 256 KiB. That is AGENT_MAX_LEN of OpenSSH's ssh-agent.c, and
 * CHANNEL_MUX_MAX_PACKET of channels.c. A longer one can't be answered, nor one without a message number:
 * where the next frame begins would be a guess. The stream is at its end then.
 */
import { ProtocolError } from "./protocol-error.ts";

export const AGENT_MAX_LEN = 256 * 1024;

const HEADER_LENGTH = 4;

/** One frame as it came, length included, so that it can be forwarded unchanged. */
export interface Frame {
  readonly packet: Buffer;
  /** The packet without its length: message number and contents. */
  readonly payload: Buffer;
}

/** Cuts a stream of bytes into frames, however the bytes are split into chunks. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #buffered = 0;

  /** Bytes held back because their frame is not complete yet. */
  get buffered(): number {
    return this.#buffered;
  }

  /**
   * Takes the next chunk and returns the frames that it completes.
   * @throws ProtocolError for a length of 0 or above AGENT_MAX_LEN, as soon as the length is known
   */
  push(chunk: Buffer): Frame[] {
    this.add(chunk);
    const frames: Frame[] = [];
    for (let frame = this.next(); frame; frame = this.next()) frames.push(frame);
    return frames;
  }

  /** Takes the next chunk. For a caller that takes frames out one by one, and other bytes between them. */
  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /**
   * The next frame, if it is complete.
   * @throws ProtocolError as push() does
   */
  next(): Frame | undefined {
    if (this.#buffered < HEADER_LENGTH) return undefined;
    const length = HEADER_LENGTH + checkedLength(this.#gather(HEADER_LENGTH).readUInt32BE());
    const packet = this.take(length);
    return packet && { packet, payload: packet.subarray(HEADER_LENGTH) };
  }

  /** The next bytes, whatever they are; undefined until so many are there. */
  take(length: number): Buffer | undefined {
    if (this.#buffered < length) return undefined;
    const bytes = this.#gather(length);
    this.#chunks[0] = bytes.subarray(length);
    this.#buffered -= length;
    return bytes.subarray(0, length);
  }

  /** The first chunk, joined with those behind it if it is shorter than `length`. */
  #gather(length: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

function checkedLength(length: number): number {
  if (length === 0) throw new ProtocolError("frame without a message number");
  if (length > AGENT_MAX_LEN)
    throw new ProtocolError(`frame of ${length} bytes, ${AGENT_MAX_LEN} are the most`);
  return length;
}

export function encodeFrame(payload: Buffer): Frame {
  const packet = Buffer.allocUnsafe(HEADER_LENGTH + payload.length);
  packet.writeUInt32BE(payload.length);
  payload.copy(packet, HEADER_LENGTH);
  return { packet, payload };
}

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
  /** Each is at least twice as long as the one behind it. */
  readonly #chunks: Buffer[] = [];
  #buffered = 0;

  /** Bytes that were not taken out yet. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Whether next() has something to return, or to throw. */
  get isReady(): boolean {
    const length = this.#frameLength();
    return length !== undefined && (!isPossible(length) || this.#buffered >= HEADER_LENGTH + length);
  }

  /**
   * Takes the next chunk and returns the frames that it completes. For a peer whose frames are all taken at
   * once.
   * @throws ProtocolError for a length of 0 or above AGENT_MAX_LEN, as soon as the length is known
   */
  push(chunk: Buffer): Frame[] {
    this.add(chunk);
    const frames: Frame[] = [];
    for (let frame = this.next(); frame; frame = this.next()) frames.push(frame);
    return frames;
  }

  /**
   * Takes the next chunk. For a caller that takes frames out one by one: a frame costs many times its bytes
   * once it is an object. For the same reason short chunks are joined, each byte as often as its frame doubles.
   */
  add(chunk: Buffer): void {
    this.#buffered += chunk.length;
    let joined = chunk;
    for (
      let last = this.#chunks.at(-1);
      last && last.length < 2 * joined.length;
      last = this.#chunks.at(-1)
    ) {
      joined = Buffer.concat([last, joined]);
      this.#chunks.pop();
    }
    if (joined.length > 0) this.#chunks.push(joined);
  }

  /**
   * The next frame, if it is complete.
   * @throws ProtocolError as push() does
   */
  next(): Frame | undefined {
    const length = this.#frameLength();
    const packet = length === undefined ? undefined : this.take(HEADER_LENGTH + checkedLength(length));
    if (packet) return { packet, payload: packet.subarray(HEADER_LENGTH) };
    this.#trim();
    return undefined;
  }

  /** The next bytes, whatever they are; undefined until so many are there. */
  take(length: number): Buffer | undefined {
    if (this.#buffered < length) return undefined;
    const bytes = this.#gather(length);
    this.#buffered -= length;
    if (bytes.length === length) this.#chunks.shift();
    else this.#chunks[0] = bytes.subarray(length);
    return bytes.subarray(0, length);
  }

  /** The beginning of a frame may stay for long. It is a view on all that was read with it. */
  #trim(): void {
    const [first] = this.#chunks;
    const kept = first?.buffer.byteLength ?? 0;
    if (first && kept > Buffer.poolSize && first.length < kept / 4) this.#chunks[0] = Buffer.from(first);
  }

  #frameLength(): number | undefined {
    return this.#buffered < HEADER_LENGTH ? undefined : this.#gather(HEADER_LENGTH).readUInt32BE();
  }

  /** The first chunk, joined with those behind it if it is shorter than `length`. */
  #gather(length: number): Buffer {
    const [first] = this.#chunks;
    if (first && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks.splice(0));
    this.#chunks.push(joined);
    return joined;
  }
}

function isPossible(length: number): boolean {
  return length > 0 && length <= AGENT_MAX_LEN;
}

function checkedLength(length: number): number {
  if (length === 0) throw new ProtocolError("frame without a message number");
  if (!isPossible(length)) throw new ProtocolError(`frame of ${length} bytes, ${AGENT_MAX_LEN} are the most`);
  return length;
}

export function encodeFrame(payload: Buffer): Frame {
  const packet = Buffer.allocUnsafe(HEADER_LENGTH + payload.length);
  packet.writeUInt32BE(payload.length);
  payload.copy(packet, HEADER_LENGTH);
  return { packet, payload };
}

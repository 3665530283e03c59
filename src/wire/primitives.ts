/**
 * The data types of the SSH protocols: byte, boolean, uint32, uint64 and string (RFC 4251 §5).
 *
 * A reader never copies: what it returns are views on the bytes it was given. It checks each length against
 * what is there before it takes anything, so no length field can make it allocate.
 */
import { isUtf8 } from "node:buffer";
import { ProtocolError } from "./protocol-error.ts";

export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Bytes consumed so far. */
  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.bytes(1).readUInt8();
  }

  /** Any byte but 0 is true, as in OpenSSH's sshbuf. */
  bool(): boolean {
    return this.u8() !== 0;
  }

  u32(): number {
    return this.bytes(4).readUInt32BE();
  }

  u64(): bigint {
    return this.bytes(8).readBigUInt64BE();
  }

  bytes(length: number): Buffer {
    if (length > this.remaining) {
      throw new ProtocolError(`${length} bytes announced, ${this.remaining} left`);
    }
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }

  /** A string as bytes: a uint32 length and that many bytes. */
  string(): Buffer {
    return this.bytes(this.u32());
  }

  /**
   * A string as text. What is not UTF-8 is refused, so that no two names look the same. A NUL is refused too:
   * a name must not look different to a program that stops there. OpenSSH's sshbuf_get_cstring() refuses all
   * but one at the end.
   */
  text(): string {
    const bytes = this.#cstring();
    if (!isUtf8(bytes)) throw new ProtocolError("text that is not UTF-8");
    return bytes.toString("utf8");
  }

  /**
   * Text that need not be UTF-8, such as a command or a path. Each byte that is not becomes a lone surrogate,
   * U+DC80 to U+DCFF, as Python does it (PEP 383). So no two strings read the same, and anyText() of a writer
   * gives the bytes back.
   */
  anyText(): string {
    return decodeAnyText(this.#cstring());
  }

  /** Text for people to read: bytes that are not UTF-8 become U+FFFD. */
  comment(): string {
    return this.#cstring().toString("utf8");
  }

  #cstring(): Buffer {
    const bytes = this.string();
    if (bytes.includes(0)) throw new ProtocolError("text with a NUL byte");
    return bytes;
  }

  rest(): Buffer {
    return this.bytes(this.remaining);
  }

  /** Throws ProtocolError unless everything was consumed. */
  end(): void {
    if (this.remaining > 0) throw new ProtocolError(`${this.remaining} bytes too many`);
  }
}

/** Runs `read` over the bytes and requires it to consume them all. */
export function readAll<T>(bytes: Buffer, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

/** Reads values until the bytes are used up. */
export function readEach<T>(bytes: Buffer, read: (reader: ByteReader) => T): T[] {
  const reader = new ByteReader(bytes);
  const values: T[] = [];
  while (reader.remaining > 0) values.push(read(reader));
  return values;
}

export class ByteWriter {
  readonly #parts: Buffer[] = [];

  u8(value: number): this {
    return this.bytes(Buffer.of(value));
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u32(value: number): this {
    const part = Buffer.allocUnsafe(4);
    part.writeUInt32BE(value);
    return this.bytes(part);
  }

  u64(value: bigint): this {
    const part = Buffer.allocUnsafe(8);
    part.writeBigUInt64BE(value);
    return this.bytes(part);
  }

  bytes(value: Buffer): this {
    this.#parts.push(value);
    return this;
  }

  string(value: Buffer | string): this {
    const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : value;
    return this.u32(bytes.length).bytes(bytes);
  }

  /** The reverse of a reader's anyText(). */
  anyText(value: string): this {
    return this.string(encodeAnyText(value));
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/**
 * UTF-8 proper has no surrogates: isUtf8() refuses those of CESU-8 and WTF-8. So an escape can't be mistaken
 * for what was sent.
 */
function decodeAnyText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const sequence = sequenceAt(bytes, at);
    text += sequence?.toString("utf8") ?? String.fromCharCode(0xdc00 + bytes.readUInt8(at));
    at += sequence?.length ?? 1;
  }
  return text;
}

/** The UTF-8 of one code point, if there is one. */
function sequenceAt(bytes: Buffer, at: number): Buffer | undefined {
  const lead = bytes.readUInt8(at);
  const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const sequence = bytes.subarray(at, at + length);
  return sequence.length === length && isUtf8(sequence) ? sequence : undefined;
}

function encodeAnyText(text: string): Buffer {
  // with the flag u a surrogate that is one half of a pair does not match
  const parts = text.split(/([\udc80-\udcff]+)/u);
  return Buffer.concat(parts.map((part, at) => Buffer.from(part, at % 2 === 0 ? "utf8" : "latin1")));
}

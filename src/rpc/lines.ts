/** From bytes to lines: each message of the RPC is a line of UTF-8. No I/O. */
import { isUtf8 } from "node:buffer";

const NEWLINE = 0x0a;

/** What a line that grows begins with, and keeps between lines, in bytes. */
const USUAL_LENGTH = 4096;

export class LineDecoder {
  readonly #most: number;
  /** The line so far, and room for more of it. */
  #line = Buffer.alloc(0);
  #length = 0;

  /** @param most that one line may have, in bytes: more is never put together */
  constructor(most: number) {
    this.#most = most;
  }

  /** The lines that end within these bytes. @throws Error for one that is too long, or that is no UTF-8 */
  *push(bytes: Buffer): Generator<string> {
    let rest = bytes;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#append(rest.subarray(0, end));
      yield this.#take();
      rest = rest.subarray(end + 1);
    }
    this.#append(rest);
  }

  /** The room doubles as the line grows: a copy of all for each byte would take quadratic time. */
  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#most) throw new Error(`a line of more than ${this.#most} bytes`);
    if (length > this.#line.length) {
      const grown = Buffer.alloc(Math.min(this.#most, Math.max(USUAL_LENGTH, 2 * length)));
      this.#line.copy(grown, 0, 0, this.#length);
      this.#line = grown;
    }
    bytes.copy(this.#line, this.#length);
    this.#length = length;
  }

  #take(): string {
    const line = this.#line.subarray(0, this.#length);
    if (!isUtf8(line)) throw new Error("a line that is no UTF-8");
    this.#length = 0;
    if (this.#line.length > USUAL_LENGTH) this.#line = Buffer.alloc(0);
    return line.toString("utf8");
  }
}

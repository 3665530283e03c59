/**
 * Bytes one way, between two descriptors that do not block: as many as the other side takes, and no more are
 * read before. So whoever writes waits for whoever reads, as on one terminal.
 */
import { closeSync } from "node:fs";
import { duplicate, watchDescriptor } from "../libc/descriptors.ts";
import { readNow, writeNow } from "../libc/pty.ts";

/** A pty gives out 4 KB at once; a few of them go together. */
const BUFFER_SIZE = 64 * 1024;
/** How many times it is read in a row before others have their turn. */
const ROUNDS = 8;

export interface FlowOptions {
  from: number;
  to: number;
  /** Whether it may be read just now: asked each time. */
  mayRead?: () => boolean;
  /**
   * Sees what passes. @returns how many bytes may go by now; the rest goes with what comes next
   */
  look?: (bytes: Buffer) => number;
  /** There is nothing more to read, or nobody to write to. */
  ended: () => void;
}

export class Flow {
  readonly #options: FlowOptions;
  readonly #from: number;
  readonly #to: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  /** Of the buffer: what is held until more has come. */
  #held = 0;
  #unwritten: Buffer[] = [];
  #reading: { close(): void } | undefined;
  #writing: { close(): void } | undefined;
  #stopped = true;
  /** Whoever reads what is there, until it is called off. */
  #draining: symbol | undefined;
  #isOver = false;
  #whenWritten: (() => void)[] = [];

  constructor(options: FlowOptions) {
    this.#options = options;
    // one watch for each descriptor
    this.#from = duplicate(options.from);
    this.#to = duplicate(options.to);
  }

  start(): void {
    this.#draining = undefined;
    this.#stopped = false;
    this.#watch();
  }

  /** No more is read. Resolves when all is written that was: after that nothing of it comes any more. */
  stop(): Promise<void> {
    this.#draining = undefined;
    this.#stopped = true;
    this.#watch();
    return this.#written();
  }

  #written(): Promise<void> {
    if (this.#isOver || this.#unwritten.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenWritten.push(resolve));
  }

  /** Bytes of another origin, behind those that were read so far. */
  add(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#write(bytes);
    this.#watch();
  }

  /**
   * Reads all that is there, up to a limit of bytes, and stops. Resolves when it is written.
   * @returns whether that is so; false where start() or stop() called it off
   */
  async drain(limit: number): Promise<boolean> {
    const written = this.stop();
    const draining = Symbol();
    this.#draining = draining;
    await written;
    for (let read = 0; read < limit && this.#draining === draining && !this.#isOver; ) {
      const count = this.#read();
      if (count === undefined) break;
      read += count;
      this.#watch();
      await this.#written();
    }
    return this.#draining === draining;
  }

  /** Of a sequence or a character whose rest does not come any more. */
  flush(): void {
    if (this.#isOver) return;
    this.#flushHeld();
    this.#watch();
  }

  close(): void {
    this.#over();
    closeSync(this.#from);
    closeSync(this.#to);
  }

  /** Watches what is waited for, and nothing else: both directions would be ready again and again. */
  #watch(): void {
    const isFull = this.#unwritten.length > 0;
    const wantsRead = !this.#isOver && !this.#stopped && !isFull;
    if (wantsRead) this.#reading ??= watchDescriptor(this.#from, { readable: true }, () => this.#pass());
    else this.#reading = void this.#reading?.close();
    if (!this.#isOver && isFull)
      this.#writing ??= watchDescriptor(this.#to, { writable: true }, () => this.#goOn());
    else this.#writing = void this.#writing?.close();
  }

  #pass(): void {
    if (this.#options.mayRead?.() === false) this.#stopped = true;
    for (let round = 0; round < ROUNDS && !this.#stopped && !this.#isOver; round++)
      if (this.#unwritten.length > 0 || this.#read() === undefined) break;
    this.#watch();
  }

  /** @returns how many bytes; undefined if there are none */
  #read(): number | undefined {
    let filled = this.#held;
    let count: number | "later" | "end" = 0;
    while (filled < BUFFER_SIZE) {
      count = readNow(this.#from, this.#buffer.subarray(filled));
      if (typeof count !== "number") break;
      filled += count;
    }
    const read = filled - this.#held;
    if (read > 0) this.#forward(filled);
    if (count === "end") {
      this.#flushHeld();
      this.#end();
    }
    return read > 0 ? read : undefined;
  }

  #forward(filled: number): void {
    const bytes = this.#buffer.subarray(0, filled);
    const whole = this.#options.look?.(bytes) ?? filled;
    this.#write(bytes.subarray(0, whole));
    this.#held = filled - whole;
    // what was not written has been copied
    this.#buffer.copyWithin(0, whole, filled);
  }

  #flushHeld(): void {
    this.#write(this.#buffer.subarray(0, this.#held));
    this.#held = 0;
  }

  #write(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0 && this.#unwritten.length === 0) {
      const count = writeNow(this.#to, rest);
      if (count === "end") this.#end();
      if (typeof count !== "number") break;
      rest = rest.subarray(count);
    }
    if (rest.length > 0 && !this.#isOver) this.#unwritten.push(Buffer.from(rest));
  }

  #goOn(): void {
    const waiting = this.#unwritten;
    this.#unwritten = [];
    for (const bytes of waiting) this.#write(bytes);
    if (this.#unwritten.length === 0) this.#tellWritten();
    this.#watch();
  }

  #tellWritten(): void {
    for (const resolve of this.#whenWritten.splice(0)) resolve();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#over();
    this.#options.ended();
  }

  #over(): void {
    this.#isOver = true;
    this.#unwritten = [];
    this.#watch();
    this.#tellWritten();
  }
}

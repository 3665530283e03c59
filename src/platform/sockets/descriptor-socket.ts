/**
 * A connected Unix socket over which descriptors are passed: unix(7), SCM_RIGHTS. Node's own sockets lose
 * them.
 *
 * Every descriptor has one owner. What is received belongs to whoever receives it. What is given to send()
 * belongs to the socket: it is closed once it is passed on, or when the socket closes before that.
 */
import { closeAside, closeDescriptors, watchDescriptor } from "../libc/descriptors.ts";
import { receiveMessage, sendMessage } from "../libc/messages.ts";
import { connectUnix, hangUp } from "../libc/sockets.ts";

export interface SocketEvents {
  receive(bytes: Buffer, descriptors: number[]): void;
  /** Whoever closed it, and also if the connection broke. Nothing comes after it. */
  closed(): void;
  /** All that was sent is on its way, after isFull was true. */
  drained?(): void;
}

interface Piece {
  bytes: Buffer;
  descriptor?: number;
}

/** How much may wait to be sent before isFull is true, in bytes. */
const HIGH_WATER = 256 * 1024;
/** How many messages are read before others get their turn, and for how long, in milliseconds. */
const MAX_READS = 16;
const MAX_READING = 5;
/**
 * What waits in pieces up to this length is joined, in bytes. Each piece is an object and a system call, whoever
 * does not read may leave many.
 */
const SHORT = 1024;
const NUL = Buffer.alloc(1);

export class DescriptorSocket {
  readonly fd: number;
  /** Called once it is closed, by whichever side. */
  onClose: () => void = () => {};
  readonly #queue: Piece[] = [];
  #queued = 0;
  #wasFull = false;
  #events: SocketEvents | undefined;
  #reading = false;
  #writing = false;
  #watch: { close(): void } | undefined;
  #ending = false;
  #closed = false;

  readonly #takesDescriptors: boolean;

  /** @param fd of a socket that does not block; it belongs to this object from now on */
  private constructor(fd: number, takesDescriptors: boolean) {
    this.fd = fd;
    this.#takesDescriptors = takesDescriptors;
  }

  /** @param fd of an accepted connection; it belongs to the socket from now on */
  static accepted(fd: number): DescriptorSocket {
    return new DescriptorSocket(fd, true);
  }

  /**
   * A connection on which descriptors are sent, and none taken: one that comes ends it.
   * @throws Error with the errno's name as its code
   */
  static connect(path: string): DescriptorSocket {
    const connected = connectUnix(path);
    if ("fd" in connected) return new DescriptorSocket(connected.fd, false);
    throw Object.assign(new Error(`${path}: ${connected.error}`), { code: connected.error });
  }

  /** Starts to read. What was sent before may have shown that the other end is gone: then that is told now. */
  listen(events: SocketEvents): void {
    this.#events = events;
    if (this.#closed) events.closed();
    else this.resume();
  }

  pause(): void {
    this.#watchFor(false, this.#writing);
  }

  resume(): void {
    if (this.#events && !this.#closed && !this.#ending) this.#watchFor(true, this.#writing);
  }

  /** One watch for both directions: a second one for the same descriptor ends the process (koffi 3.3). */
  #watchFor(reading: boolean, writing: boolean): void {
    if (reading === this.#reading && writing === this.#writing) return;
    this.#reading = reading;
    this.#writing = writing;
    this.#watchAgain();
  }

  #watchAgain(): void {
    this.#watch?.close();
    this.#watch = undefined;
    const events = { readable: this.#reading, writable: this.#writing };
    if (this.#reading || this.#writing) this.#watch = watchDescriptor(this.fd, events, () => this.#ready());
  }

  #ready(): void {
    if (this.#writing) this.#write();
    if (this.#reading) this.#read();
  }

  #read(): void {
    const began = performance.now();
    const isOver = (reads: number): boolean =>
      reads === MAX_READS || (reads > 0 && performance.now() - began > MAX_READING);
    for (let reads = 0; !isOver(reads) && this.#reading; reads++) {
      const received = receiveMessage(this.fd);
      if (received === "empty") return;
      const refused = received !== "end" && received.descriptors.length > 0 && !this.#takesDescriptors;
      if (refused) closeDescriptors(received.descriptors);
      if (refused || received === "end") this.destroy();
      else this.#events?.receive(received.bytes, received.descriptors);
    }
    // a watch stops by itself where the connection broke, however much is left to be read: uv__poll_io()
    if (this.#reading) this.#watchAgain();
  }

  /** Sends the bytes, then each descriptor with a NUL byte of its own, as mm_send_fd() of OpenSSH does. */
  send(bytes: Buffer, descriptors: readonly number[] = []): void {
    const pieces: Piece[] = [{ bytes }, ...descriptors.map((descriptor) => ({ bytes: NUL, descriptor }))];
    if (this.#closed || this.#ending) {
      closePieces(pieces);
      return;
    }
    for (const piece of pieces) {
      if (!this.#join(piece)) this.#queue.push(piece);
      this.#queued += piece.bytes.length;
    }
    if (!this.#writing) this.#write();
    this.#wasFull ||= this.isFull;
  }

  /** Whether it became part of the piece that waits last. A descriptor keeps the byte that it goes with. */
  #join({ bytes, descriptor }: Piece): boolean {
    const last = this.#queue.at(-1);
    const isShort = last !== undefined && last.bytes.length + bytes.length <= SHORT;
    if (!isShort || last.descriptor !== undefined || descriptor !== undefined) return false;
    last.bytes = Buffer.concat([last.bytes, bytes]);
    return true;
  }

  get isFull(): boolean {
    return this.#queued > HIGH_WATER;
  }

  #write(): void {
    const passed: number[] = [];
    const isOpen = this.#writeQueue(passed);
    closeDescriptors(passed); // behind all that whoever reads waits for: each close takes a thread
    if (isOpen) {
      this.#watchFor(this.#reading, this.#queue.length > 0);
      if (this.#queue.length === 0) this.#sent();
    } else this.destroy();
  }

  /** @returns false if nobody reads any more */
  #writeQueue(passed: number[]): boolean {
    for (let piece = this.#queue[0]; piece; piece = this.#queue[0]) {
      const sent = sendMessage(this.fd, piece.bytes, piece.descriptor);
      if (sent === "end") return false;
      if (sent === "full") break;
      this.#queued -= sent;
      if (sent < piece.bytes.length) {
        piece.bytes = piece.bytes.subarray(sent);
        continue;
      }
      this.#queue.shift();
      if (piece.descriptor !== undefined) passed.push(piece.descriptor);
    }
    return true;
  }

  #sent(): void {
    const wasFull = this.#wasFull;
    this.#wasFull = false;
    if (this.#ending) this.destroy();
    else if (wasFull) this.#events?.drained?.();
  }

  /** Closes once all is sent; reads no more. */
  end(): void {
    this.#ending = true;
    this.pause();
    if (this.#queue.length === 0) this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watchFor(false, false);
    closePieces(this.#queue.splice(0));
    this.#queued = 0;
    hangUp(this.fd); // a mux client waits for that
    try {
      this.onClose();
      this.#events?.closed(); // which may hang up on the other side: the close takes longer
    } finally {
      closeAside(this.fd); // what nobody has received is closed with it
    }
  }
}

function closePieces(pieces: readonly Piece[]): void {
  closeDescriptors(pieces.flatMap(({ descriptor = [] }) => descriptor));
}

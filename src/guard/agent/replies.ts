/**
 * What goes to one client of the agent socket. Answers to requests that were sent ahead go out together: each
 * write of its own is a system call, and an object where the client does not read.
 */
import type { Socket } from "node:net";

/** How many bytes are held back at most. */
const MOST_HELD = 4096;

export class Replies {
  readonly #socket: Socket;
  #held: Buffer[] = [];
  #bytes = 0;
  #isDue = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * @param isFollowed whether the next answer may come at once. It may also take minutes: this one is not held
   * back for longer than the event loop needs to go round
   * @returns false where the client has to take some first: taken()
   */
  send(reply: Buffer, isFollowed: boolean): boolean {
    this.#held.push(reply);
    this.#bytes += reply.length;
    if (!isFollowed || this.#bytes >= MOST_HELD) this.flush();
    else if (!this.#isDue) this.#flushSoon();
    return !this.#socket.writableNeedDrain;
  }

  flush(): void {
    const held = this.#held;
    if (held.length === 0 || this.#socket.destroyed) return;
    this.#held = [];
    this.#bytes = 0;
    this.#socket.write(held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held));
  }

  /** When the client has taken what was sent, or is gone. */
  taken(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off("drain", done);
        socket.off("close", done);
        resolve();
      };
      socket.on("drain", done);
      socket.on("close", done);
    });
  }

  #flushSoon(): void {
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.flush();
    });
  }
}

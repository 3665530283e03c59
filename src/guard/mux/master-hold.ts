/**
 * Keeps a master while a person is asked about it. For ssh, a connection to the control socket is a client
 * from the moment that it is accepted, and no ControlPersist runs out while there is one:
 * channel_still_open() of channels.c. Nothing is sent over it: the master gets to know of nothing that is not
 * decided.
 *
 * It is taken for a question only. A guard that always held one would keep every master for ever.
 */
import type { MuxSocket } from "./master-link.ts";

export class MasterHold {
  readonly #connect: () => Promise<MuxSocket>;
  #socket: Promise<MuxSocket | undefined> | undefined;

  constructor(connect: () => Promise<MuxSocket>) {
    this.#connect = connect;
  }

  take(): void {
    // one that has ended says so by itself
    this.#socket ??= this.#connect().catch(() => undefined);
  }

  release(): void {
    void this.#socket?.then((socket) => socket?.destroy()); // never rejects: destroy() doesn't throw
    this.#socket = undefined;
  }
}

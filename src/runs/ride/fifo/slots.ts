/** Who asks gets a ticket, and pipes of its own. A run has so many at once, and one that asks for more waits. */
import { randomBytes } from "node:crypto";
import { closeSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { attempt } from "../../../attempt.ts";
import { PipeFolder } from "../../../platform/files/fifo.ts";
import { fifoPlaces, TICKET } from "./request.ts";
import { Slot } from "./slot.ts";

const MAX_SLOTS = 64;
/** Those that wait for one. */
const MAX_WAITING = 1024;
/** How long a client may take from its ticket to its request, in milliseconds. */
const PATIENCE = 60_000;

/** A client's request, in words that may be any. @param gone aborted when the client has left */
export type ServeSlot = (slot: Slot, line: string, name: string, gone: AbortSignal) => Promise<void>;

const GONE = new Error("the client went away");

export class Slots {
  readonly #folder: PipeFolder;
  readonly #serve: ServeSlot;
  readonly #patience: number;
  readonly #ask: Socket;
  readonly #tickets: number;
  readonly #open = new Set<Slot>();
  #waiting = 0;
  #closed = false;

  /**
   * @param ride the folder of the run's ride
   * @param serve never rejects
   */
  constructor(ride: string, serve: ServeSlot, patience = PATIENCE) {
    this.#folder = PipeFolder.make(fifoPlaces(ride).folder);
    this.#serve = serve;
    this.#patience = patience;
    // with an end of its own, the guard sees none when the last client goes, nor does a client that waits
    this.#tickets = openBoth(this.#folder, "tickets");
    this.#ask = new Socket({ fd: openBoth(this.#folder, "ask"), readable: true, writable: false });
    this.#ask.on("error", () => this.#ask.destroy());
    this.#ask.on("data", (bytes) => this.#asked(bytes.length));
  }

  #asked(count: number): void {
    this.#waiting = Math.min(this.#waiting + count, MAX_WAITING);
    this.#goOn();
  }

  #goOn(): void {
    while (this.#waiting > 0 && this.#open.size < MAX_SLOTS && !this.#closed) {
      this.#waiting--;
      this.#add();
    }
  }

  #add(): void {
    const name = randomBytes(TICKET / 2).toString("hex");
    const gone = new AbortController();
    const late = setTimeout(() => !slot?.hasAsked && slot?.close(), this.#patience).unref();
    const slot = attempt(
      () =>
        new Slot(this.#folder.makeFolder(name), {
          asked: (line) => slot && void this.#serve(slot, line, name, gone.signal).then(() => slot.close()),
          left: () => {
            clearTimeout(late);
            gone.abort(GONE);
            if (slot) this.#open.delete(slot);
            this.#goOn();
          },
        }),
    );
    if (slot) this.#open.add(slot);
    if (slot && attempt(() => writeSync(this.#tickets, name)) === TICKET) return;
    // thousands of tickets that nobody takes, or no descriptors: more of them would be no better
    this.#waiting = 0;
    clearTimeout(late);
    slot?.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ask.destroy();
    closeSync(this.#tickets);
    for (const slot of [...this.#open]) slot.close();
    this.#folder.remove();
  }
}

function openBoth(folder: PipeFolder, name: string): number {
  const fifo = folder.makeFifo(name);
  try {
    return fifo.both();
  } finally {
    fifo.close();
  }
}

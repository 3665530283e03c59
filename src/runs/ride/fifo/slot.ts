/** The guard's end of one client's pipes. Nothing here waits for the client, whatever it does. */
import { closeSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { attempt } from "../../../attempt.ts";
import type { Fifo, PipeFolder } from "../../../platform/files/fifo.ts";
import { type FifoReply, MAX_REQUEST, pipes } from "./request.ts";

type Pipes = Record<(typeof pipes)[number], Fifo>;

export interface SlotEvents {
  /** The whole of a request came, in words that may be any. */
  asked(line: string): void;
  /** Nobody is there any more, or what came is no request. Nothing comes after it. */
  left(): void;
}

export class Slot {
  readonly #folder: PipeFolder;
  readonly #fifos: Pipes;
  readonly #events: SlotEvents;
  readonly #request: Socket;
  /** As they are open; what was handed over is not in here. */
  readonly #open = new Map<"reply" | "in" | "out" | "err", number>();
  #line = "";
  #hasAsked = false;
  #closed = false;

  /** @throws Error if it can't be made */
  constructor(folder: PipeFolder, events: SlotEvents) {
    this.#folder = folder;
    this.#events = events;
    this.#fifos = makePipes(folder);
    // there before a client can come: it never waits for us
    this.#open.set("in", this.#fifos.in.reader());
    this.#request = new Socket({ fd: this.#fifos.request.reader(), readable: true, writable: false });
    this.#request.setEncoding("latin1").on("data", (text: string) => this.#receive(text));
    this.#request.on("error", () => this.#request.destroy()).on("close", () => this.close());
  }

  #receive(text: string): void {
    this.#line += text;
    const end = this.#line.indexOf("\n");
    const isMore = end >= 0 && end < this.#line.length - 1;
    // whoever goes on writing has nothing to say
    if (this.#hasAsked || isMore || this.#line.length > MAX_REQUEST) this.close();
    else if (end >= 0) this.#asked(this.#line.slice(0, end));
  }

  #asked(line: string): void {
    this.#hasAsked = true;
    this.#line = "";
    if (this.#openForClient()) this.#events.asked(Buffer.from(line, "latin1").toString("utf8"));
    else this.close();
  }

  /** A client reads from these before it asks. */
  #openForClient(): boolean {
    return (["reply", "out", "err"] as const).every((name) => {
      const fd = attempt(() => this.#fifos[name].writer());
      if (fd !== undefined) this.#open.set(name, fd);
      return fd !== undefined;
    });
  }

  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  /** Its stdin, stdout and stderr as the client has them; they belong to the caller from now on. */
  take(...names: readonly ("in" | "out" | "err")[]): number[] {
    return names.flatMap((name) => {
      const fd = this.#open.get(name);
      this.#open.delete(name);
      return fd ?? [];
    });
  }

  /** A client that does not read what is told has left. */
  reply(reply: FifoReply): void {
    const fd = this.#open.get("reply");
    const bytes = Buffer.from(`${JSON.stringify(reply)}\n`);
    if (fd !== undefined && attempt(() => writeSync(fd, bytes)) !== bytes.length) this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#request.destroy();
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    for (const fifo of Object.values(this.#fifos)) fifo.close();
    this.#folder.remove();
    this.#events.left();
  }
}

function makePipes(folder: PipeFolder): Pipes {
  const made: Partial<Pipes> = {};
  try {
    for (const name of pipes) made[name] = folder.makeFifo(name);
    return made as Pipes;
  } catch (error) {
    for (const fifo of Object.values(made)) fifo.close();
    folder.remove();
    throw error;
  }
}

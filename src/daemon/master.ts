/** A control master behind the guard: its hidden socket, its process, and where its connection leads. */
import { setTimeout as delay } from "node:timers/promises";
import type { MuxSocket } from "../guard/master-link.ts";
import type { MasterEnd } from "../guard/mux-connection.ts";
import { type MasterGreeting, probeMaster } from "../guard/mux-probe.ts";
import type { HiddenSocket } from "../platform/control-socket.ts";
import { watchProcess } from "../platform/process-end.ts";
import type { Whereabouts } from "../policy/request.ts";

/** How often to try again where too many clients wait at the master's socket, and after how many milliseconds. */
const CONNECT_TRIES = 500;
const CONNECT_AGAIN_AFTER = 10;

export class Master implements MasterEnd {
  readonly pid: number;
  readonly greeting: Buffer;
  readonly hidden: HiddenSocket;
  readonly #whereabouts: () => Promise<Whereabouts>;
  readonly #onEnd: (master: Master) => void;
  #watch: { close(): void } | undefined;
  #ended = false;

  private constructor(
    hidden: HiddenSocket,
    { pid, greeting }: MasterGreeting,
    whereabouts: () => Promise<Whereabouts>,
    onEnd: (master: Master) => void,
  ) {
    this.hidden = hidden;
    this.pid = pid;
    this.greeting = greeting;
    this.#whereabouts = whereabouts;
    this.#onEnd = onEnd;
  }

  /**
   * @param check throws if the process that answers is not what it should be
   * @param onEnd called once, when it has ended or takes no more clients
   * @throws Error if nobody answers as a master does
   */
  static async greet(
    hidden: HiddenSocket,
    check: (pid: number) => void,
    whereabouts: () => Promise<Whereabouts>,
    onEnd: (master: Master) => void,
  ): Promise<Master> {
    const greeting = await probeMaster(hidden.connect());
    check(greeting.pid);
    const master = new Master(hidden, greeting, whereabouts, onEnd);
    master.#watch = watchProcess(greeting.pid, () => master.stopped());
    if (!master.#watch) throw new Error("the master has ended");
    return master;
  }

  whereabouts(): Promise<Whereabouts> {
    return this.#whereabouts();
  }

  async connect(): Promise<MuxSocket> {
    for (let tries = 1; ; tries++) {
      try {
        return this.hidden.connect();
      } catch (error) {
        if (!isBusy(error) || this.#ended || tries >= CONNECT_TRIES) throw error;
      }
      await delay(CONNECT_AGAIN_AFTER);
    }
  }

  stopped(): void {
    if (this.#ended) return;
    this.release();
    this.#onEnd(this);
  }

  /** Takes no more notice of it. */
  release(): void {
    this.#ended = true;
    this.#watch?.close();
    this.hidden.close();
  }

  /** Ends it, and with it all its sessions. */
  end(): void {
    if (this.#ended) return;
    try {
      process.kill(this.pid);
    } catch {
      // it has ended already
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}

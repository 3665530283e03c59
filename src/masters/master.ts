/** A control master behind the guard: its hidden socket, its process, and where its connection leads. */

import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../errors.ts";
import type { MasterEnd } from "../guard/mux/connection.ts";
import type { MuxSocket } from "../guard/mux/master-link.ts";
import { type MasterGreeting, probeMaster } from "../guard/mux/probe.ts";
import { watchProcess } from "../platform/proc/process-end.ts";
import type { HiddenSocket } from "../platform/sockets/control-socket.ts";
import type { ProcessId, Whereabouts } from "../policy/request.ts";

/**
 * How often to try again where too many clients wait at the master's socket, and after how many milliseconds.
 */
const CONNECT_TRIES = 500;
const CONNECT_AGAIN_AFTER = 10;
/**
 * How often a master is asked to end, and after how many milliseconds again. The last time it is not asked.
 */
const MAX_SIGNALS = 20;
const SIGNAL_AGAIN_AFTER = 100;

export interface MasterParts {
  hidden: HiddenSocket;
  /** The ssh that logged in for it, where that is not the guard's own. */
  maker?: ProcessId;
  /** Throws if the process that answers is not what it should be. */
  check: (pid: number) => void;
  whereabouts: () => Promise<Whereabouts>;
  /** Called once, when it has ended or takes no more clients. */
  onStop: (master: Master) => void;
}

export class Master implements MasterEnd {
  readonly pid: number;
  readonly greeting: Buffer;
  readonly hidden: HiddenSocket;
  readonly maker: ProcessId | undefined;
  readonly #whereabouts: () => Promise<Whereabouts>;
  readonly #onStop: (master: Master) => void;
  readonly #waiting = new Set<() => void>();
  #watch: { close(): void } | undefined;
  #stopped = false;
  #ended = false;

  private constructor(
    { hidden, maker, whereabouts, onStop }: MasterParts,
    { pid, greeting }: MasterGreeting,
  ) {
    this.hidden = hidden;
    this.pid = pid;
    this.greeting = greeting;
    this.maker = maker;
    this.#whereabouts = whereabouts;
    this.#onStop = onStop;
  }

  /** @throws Error if nobody answers as a master does */
  static async greet(parts: MasterParts): Promise<Master> {
    const greeting = await probeMaster(parts.hidden.connect());
    parts.check(greeting.pid);
    const master = new Master(parts, greeting);
    master.#watch = watchProcess(greeting.pid, () => master.#end());
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
        if (!hasCode(error, "EAGAIN") || this.#stopped || tries >= CONNECT_TRIES) throw error;
      }
      await delay(CONNECT_AGAIN_AFTER);
    }
  }

  /** True once it takes no more clients. */
  get hasStopped(): boolean {
    return this.#stopped;
  }

  watchEnd(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  stopped(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.hidden.close();
    this.#onStop(this);
  }

  #end(): void {
    this.#ended = true;
    this.#watch?.close();
    this.stopped();
    for (const callback of [...this.#waiting]) callback();
  }

  /** Takes no more notice of it. */
  release(): void {
    this.#stopped = true;
    this.#watch?.close();
    this.hidden.close();
  }

  /**
   * Ends it, and with it all its sessions. A signal that comes just before ssh waits for its sockets is
   * noticed only with the next one: client_loop() of clientloop.c.
   */
  async end(): Promise<void> {
    for (let times = 0; !this.#ended && times < MAX_SIGNALS; times++) {
      this.#signal(times < MAX_SIGNALS - 1 ? "SIGTERM" : "SIGKILL");
      const timer = new AbortController();
      const unwatch = this.watchEnd(() => timer.abort());
      await delay(SIGNAL_AGAIN_AFTER, undefined, { signal: timer.signal }).catch(() => {});
      unwatch();
    }
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal);
    } catch {
      // it has just ended
    }
  }
}

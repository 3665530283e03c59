/** A control master behind the guard: its hidden socket, its process, and where its connection leads. */
import { setTimeout as delay } from "node:timers/promises";
import { attempt } from "../attempt.ts";
import { hasCode } from "../errors.ts";
import type { Connection } from "../guard/decide/verdict.ts";
import type { MuxSocket } from "../guard/mux/master-link.ts";
import type { MasterEnd } from "../guard/mux/parts.ts";
import { probeMaster } from "../guard/mux/probe.ts";
import { watchProcess } from "../platform/proc/process-end.ts";
import type { HiddenSocket } from "../platform/sockets/control-socket.ts";
import { type ProcessId, processKey, type Whereabouts } from "../policy/request.ts";

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
/** How often the process that answers may have handed the socket to its child meanwhile. */
const FIND_TRIES = 3;

export interface MasterParts {
  hidden: HiddenSocket;
  /** The ssh that logged in for it, where that is not the guard's own. */
  maker?: ProcessId;
  /** @throws Error if the process that answers is not what it should be */
  check: (pid: number) => void;
  /** @throws Error for a process that has ended */
  identify: (pid: number) => ProcessId;
  whereabouts: () => Promise<Whereabouts>;
}

/** The process that answers at the hidden socket. */
interface Found {
  process: ProcessId;
  /** Its MUX_MSG_HELLO, as it came. */
  greeting: Buffer;
  watch: { close(): void };
}

export interface MasterEvents {
  /** It takes no more clients, or has ended. Once. */
  stopped(): void;
  /** It goes on as another process. */
  moved(before: ProcessId): void;
  /** It has ended. Once. */
  ended(): void;
}

/** So far. */
let connections = 0;

export class Master implements MasterEnd {
  readonly greeting: Buffer;
  readonly hidden: HiddenSocket;
  readonly maker: ProcessId | undefined;
  /** It takes no more clients when it is over. */
  readonly connection: Connection = {
    id: `${++connections}`,
    isOver: () => this.#stopped,
  };
  readonly #parts: MasterParts;
  readonly #waiting = new Set<() => void>();
  #events: MasterEvents | undefined;
  #process: ProcessId;
  #watch: { close(): void };
  #following: Promise<void> | undefined;
  /** The process that was watched has ended. */
  #gone = false;
  #stopped = false;
  #ended = false;

  private constructor(parts: MasterParts, { process, greeting, watch }: Found) {
    this.#parts = parts;
    this.hidden = parts.hidden;
    this.maker = parts.maker;
    this.greeting = greeting;
    this.#process = process;
    this.#watch = watch;
  }

  /** @throws Error if nobody answers as a master does */
  static async greet(parts: MasterParts): Promise<Master> {
    let left = (): void => {};
    const master = new Master(parts, await findProcess(parts, () => left()));
    left = () => master.#left();
    return master;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get process(): ProcessId {
    return this.#process;
  }

  /** What becomes of it is told there from now on; it must not have stopped. */
  listen(events: MasterEvents): void {
    this.#events = events;
  }

  whereabouts(): Promise<Whereabouts> {
    return this.#parts.whereabouts();
  }

  connect(): Promise<MuxSocket> {
    return connectTo(this.hidden);
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
    this.#events?.stopped();
  }

  #left(): void {
    this.#gone = true;
    void this.follow(); // never rejects
  }

  /**
   * Looks which process the master is by now. ssh listens before it goes to the background, and with
   * ExitOnForwardFailure that takes as long as the server needs to answer: then its child is the master. The
   * parent ends, or becomes a client of its child: fork_postauth() and control_persist_detach() of ssh.c.
   * Never rejects.
   */
  follow(): Promise<void> {
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async #follow(): Promise<void> {
    const before = this.#process;
    const found = await findProcess(this.#parts, () => this.#left()).catch(() => undefined);
    if (this.#stopped || !found) {
      found?.watch.close();
      if (this.#gone) this.#end();
      return;
    }
    this.#watch.close();
    this.#watch = found.watch;
    this.#process = found.process;
    this.#gone = false;
    if (processKey(before) !== processKey(found.process)) this.#events?.moved(before);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch.close();
    this.stopped();
    this.#events?.ended();
    for (const callback of [...this.#waiting]) callback();
  }

  /** Takes no more notice of it. */
  release(): void {
    this.#stopped = true;
    this.#events = undefined;
    this.#watch.close();
    this.hidden.close();
  }

  /**
   * Ends it, and with it all its sessions. A signal that comes just before ssh waits for its sockets is
   * noticed only with the next one: client_loop() of clientloop.c. Never rejects.
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
    const { identify } = this.#parts;
    const { pid } = this.#process;
    // its pid may be another's by now
    const now = attempt(() => identify(pid));
    if (now && processKey(now) === processKey(this.#process)) attempt(() => process.kill(pid, signal));
  }
}

/** @throws Error if nobody answers as a master does, or if it is not the one that it should be */
async function findProcess(parts: MasterParts, left: () => void): Promise<Found> {
  for (let tries = 1; ; tries++) {
    const { pid, greeting } = await probeMaster(await connectTo(parts.hidden));
    const watch = watchProcess(pid, left);
    try {
      if (!watch) throw new Error("the master has ended");
      parts.check(pid);
      return { process: parts.identify(pid), greeting, watch };
    } catch (error) {
      watch?.close();
      if (tries >= FIND_TRIES) throw error;
    }
  }
}

/** @throws Error if it was closed, or nobody listens */
async function connectTo(hidden: HiddenSocket): Promise<MuxSocket> {
  for (let tries = 1; ; tries++) {
    try {
      return hidden.connect();
    } catch (error) {
      if (!hasCode(error, "EAGAIN") || tries >= CONNECT_TRIES) throw error;
    }
    await delay(CONNECT_AGAIN_AFTER);
  }
}

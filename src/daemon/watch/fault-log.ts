/**
 * What fails although nobody's request is decided: another user comes to a socket, no descriptor is left for
 * one more client, an upstream agent is gone. All are told in the log and in `muxguard status`. Others can
 * bring them about in any number, so there are few entries a minute, and one more that counts the rest.
 */
import type { Broker } from "../../guard/decide/broker.ts";
import type { Caller, FaultOperation, Request } from "../../policy/request.ts";

/** In milliseconds. */
const WINDOW = 60_000;
/** The most entries of a kind in that time, but for the one that counts. */
const MOST = 5;

interface Window {
  written: number;
  untold: number;
  last: string;
  timer: NodeJS.Timeout;
}

export class FaultLog {
  readonly #broker: Pick<Broker, "refuse">;
  /** By what is at fault. */
  readonly #windows = new Map<string, Window>();

  constructor(broker: Pick<Broker, "refuse">) {
    this.#broker = broker;
  }

  /**
   * @param what is at fault: "uid", "descriptors", "upstream"
   * @param caller read where there is an entry; undefined for one that nobody can identify
   */
  note(operation: FaultOperation, what: string, reason: string, caller?: () => Caller | undefined): void {
    const window = this.#windows.get(what) ?? this.#begin(operation, what);
    window.last = reason;
    if (window.written >= MOST) {
      window.untold++;
      return;
    }
    window.written++;
    this.#write(operation, what, reason, caller?.());
  }

  #begin(operation: FaultOperation, what: string): Window {
    const timer = setTimeout(() => this.#end(operation, what), WINDOW).unref();
    const window = { written: 0, untold: 0, last: "", timer };
    this.#windows.set(what, window);
    return window;
  }

  #end(operation: FaultOperation, what: string): void {
    const { untold = 0, last = "" } = this.#windows.get(what) ?? {};
    this.#windows.delete(what);
    if (untold > 0) this.#write(operation, what, `${untold} more in the last minute, the last: ${last}`);
  }

  #write(operation: FaultOperation, what: string, reason: string, caller?: Caller): void {
    const asker = { caller, isUnchanged: () => true, gone: new AbortController().signal, tells: true };
    const request: Request = { kind: "admin", operation, path: [], forwarded: false };
    this.#broker.refuse(request, asker, { report: () => {} }, { what, reason });
  }

  close(): void {
    for (const { timer } of this.#windows.values()) clearTimeout(timer);
    this.#windows.clear();
  }
}

/** The control masters behind a guard, each with the listener in its place: those that were taken over, and those that the guard opened itself. */
import type { MasterEnd } from "../guard/mux-connection.ts";
import { type ControlListener, type HiddenSocket, listenAtControlPath } from "../platform/control-socket.ts";
import type { DescriptorSocket } from "../platform/descriptor-socket.ts";
import type { Accepted } from "../platform/listener.ts";
import type { Whereabouts } from "../policy/request.ts";
import { Master } from "./master.ts";

/** Serves a client of a master. */
export type ServeClient = (socket: DescriptorSocket, accepted: Accepted, master: MasterEnd) => void;

export interface Placing {
  /** The control path. */
  path: string;
  hidden: HiddenSocket;
  /** Throws if the process that answers is not what it should be. */
  check: (pid: number) => void;
  whereabouts: () => Promise<Whereabouts>;
  serve: ServeClient;
  /** What is at the path now gives way. */
  replace: boolean;
  origin: "opened" | "adopted";
}

export interface Placed {
  readonly path: string;
  readonly origin: "opened" | "adopted";
  readonly listener: ControlListener;
  readonly master: Master;
}

export class Masters {
  readonly #placed = new Map<string, Placed>();
  /**
   * Listens in the master's place. Clients that come early wait until the master has answered.
   * @param gone called once, when the master has ended or takes no more clients
   * @throws Error if the path is taken, or if nobody answers as a master does; the hidden socket is closed then
   */
  async place(placing: Placing, gone: (pid: number) => void): Promise<Placed> {
    const { path, hidden, check, whereabouts, serve, replace, origin } = placing;
    const ended = ({ pid }: Master): void => {
      listener?.close();
      if (this.#placed.get(path) === placed) this.#placed.delete(path);
      gone(pid);
    };
    let placed: Placed | undefined;
    let listener: ControlListener | undefined;
    const greeted = Master.greet(hidden, check, whereabouts, ended);
    greeted.catch(() => {}); // listening comes first, and may take longer
    const serveLater = (socket: DescriptorSocket, accepted: Accepted): void => {
      greeted.then(
        (master) => serve(socket, accepted, master),
        () => socket.destroy(),
      );
    };
    try {
      listener = await listenAtControlPath(path, serveLater, { replace });
      placed = { path, origin, listener, master: await greeted };
      this.#placed.set(path, placed);
      return placed;
    } catch (error) {
      greeted.then(
        (master) => master.release(),
        () => hidden.close(),
      );
      listener?.close();
      throw error;
    }
  }

  /** The one whose listener is at the path. */
  at(path: string): Placed | undefined {
    const placed = this.#placed.get(path);
    return placed?.listener.isInPlace() ? placed : undefined;
  }

  all(): Placed[] {
    return [...this.#placed.values()];
  }
}

/** The control masters behind a guard, each with the listener in its place: those that were taken over, and those that the guard opened itself. */
import type { MasterEnd } from "../guard/mux-connection.ts";
import { type ControlListener, listenAtControlPath } from "../platform/control-socket.ts";
import type { DescriptorSocket } from "../platform/descriptor-socket.ts";
import type { Accepted } from "../platform/listener.ts";
import { Master, type MasterParts } from "./master.ts";

/** Serves a client of a master. */
export type ServeClient = (socket: DescriptorSocket, accepted: Accepted, master: MasterEnd) => void;

export interface Placing extends Omit<MasterParts, "onStop"> {
  /** The control path. */
  path: string;
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
   * @param stopped called once, when the master has ended or takes no more clients
   * @throws Error if the path is taken, or if nobody answers as a master does; the hidden socket is closed then
   */
  async place(placing: Placing, stopped: (pid: number) => void): Promise<Placed> {
    const { path, serve, replace, origin, ...parts } = placing;
    const onStop = ({ pid }: Master): void => {
      listener?.stop(); // whoever is connected stays: sessions go on after -O stop, and end with the master
      if (this.#placed.get(path) === placed) this.#placed.delete(path);
      stopped(pid);
    };
    let placed: Placed | undefined;
    let listener: ControlListener | undefined;
    const greeted = Master.greet({ ...parts, onStop });
    greeted.catch(() => {}); // listening comes first, and may take longer
    const serveLater = (socket: DescriptorSocket, accepted: Accepted): void => {
      greeted.then(
        (master) => serve(socket, accepted, master),
        () => socket.destroy(),
      );
    };
    try {
      listener = await listenAtControlPath(path, serveLater, { replace });
      const master = await greeted;
      if (master.hasStopped) throw new Error("the master has ended");
      placed = { path, origin, listener, master };
      this.#placed.set(path, placed);
      return placed;
    } catch (error) {
      greeted.then(
        (master) => master.release(),
        () => parts.hidden.close(),
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

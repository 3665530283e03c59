/** The masters that were taken over, each with the listener in its place. */
import type { MasterEnd } from "../guard/mux/parts.ts";
import { type ControlListener, listenAtControlPath } from "../platform/sockets/control-socket.ts";
import type { DescriptorSocket } from "../platform/sockets/descriptor-socket.ts";
import type { Accepted } from "../platform/sockets/listener.ts";
import { Master, type MasterParts } from "./master.ts";

/** Serves a client of a master. */
export type ServeClient = (socket: DescriptorSocket, accepted: Accepted, master: MasterEnd) => void;

export interface Placing extends Omit<MasterParts, "onStop"> {
  /** The control path. */
  path: string;
  serve: ServeClient;
}

export interface Placed {
  readonly path: string;
  readonly listener: ControlListener;
  readonly master: Master;
}

export class Masters {
  readonly #placed = new Map<string, Placed>();

  /**
   * Listens in the master's place, which gives way. Clients that come early wait until the master has
   * answered.
   * @param stopped called once, when the master has ended or takes no more clients
   * @throws Error if the guard can't listen there, or if nobody answers as a master does; the hidden socket
   * is closed then
   */
  async place(placing: Placing, stopped: (pid: number) => void): Promise<Placed> {
    const { path, serve, ...parts } = placing;
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
      listener = await listenAtControlPath(path, serveLater, { replace: true });
      const master = await greeted;
      if (master.hasStopped) throw new Error("the master has ended");
      placed = { path, listener, master };
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

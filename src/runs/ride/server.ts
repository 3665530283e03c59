/**
 * `muxguard run --ride`: the ssh of a run rides on masters that are opened outside of it. The run gets a
 * socket where its ssh asks for the way to a host, control sockets of its own, and programs first in its PATH
 * that ask there (shims.ts).
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Prompter } from "../../approver/prompter.ts";
import type { Scope } from "../../guard/decide/scope.ts";
import type { Asker } from "../../guard/decide/verdict.ts";
import { isPlainDestination } from "../../identity/ssh/plain-destination.ts";
import type { Connections } from "../../masters/connections.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { Peer } from "../../platform/proc/peer.ts";
import { type Accepted, type Listener, listenPrivately } from "../../platform/sockets/listener.ts";
import type { Caller } from "../../policy/request.ts";
import type { RideRequest, Way } from "../../rpc/requests.ts";
import { serve, serveClient, turnAwayClient } from "../../rpc/serving.ts";
import { askerOf, askingFor } from "../asking-parent.ts";
import { FifoWay } from "./fifo/way.ts";
import { RidePaths } from "./paths.ts";
import { writeShims } from "./shims.ts";
import { Ways } from "./ways.ts";

export interface RidesOptions {
  connections: Connections;
  scope: Scope;
  prompters: readonly Prompter[];
  /** A folder for the run alone. */
  folder: string;
}

/** The most that one client may send, in bytes. */
const MAX_RECEIVED = 1024 * 1024;

export class Rides {
  readonly #options: RidesOptions;
  readonly #paths: RidePaths;
  #listener: Listener | undefined;
  #ways: Ways | undefined;
  #fifos: FifoWay | undefined;

  private constructor(options: RidesOptions) {
    this.#options = options;
    this.#paths = new RidePaths((path) => options.connections.isOpen(path));
  }

  static async start(options: RidesOptions): Promise<Rides> {
    ensurePrivateFolder(options.folder);
    const rides = new Rides(options);
    const socket = join(options.folder, "ride.sock");
    rides.#listener = await listenPrivately(
      socket,
      (connection, accepted) => rides.#serve(connection, accepted),
      { turnAway: turnAwayClient },
    );
    try {
      rides.#ways = new Ways(options.folder);
      rides.#fifos = new FifoWay({ ...options, wayTo: (request, asker) => rides.#wayTo(request, asker) });
      writeShims(options.folder, options.scope.run?.pid);
      return rides;
    } catch (error) {
      await rides.close();
      throw error;
    }
  }

  get folder(): string {
    return this.#options.folder;
  }

  /** @param keepsShims where the run goes on: without them, its ssh would be the real one */
  async close(keepsShims = false): Promise<void> {
    this.#fifos?.close();
    await this.#listener?.close();
    this.#ways?.close();
    for (const path of await this.#paths.all()) this.#options.connections.stop(path);
    if (!keepsShims) rmSync(this.#options.folder, { recursive: true, force: true });
  }

  #serve(socket: Socket, accepted: Accepted): void {
    const { connections, scope } = this.#options;
    const { processes } = connections;
    const peer = new Peer(accepted, processes);
    serveClient(socket, MAX_RECEIVED, (connection) => {
      const waiting = (line: string, isTold: boolean): boolean => {
        if (!isTold) connection.notify("report", { line });
        return true;
      };
      serve(connection, "ride", (request) => {
        // the shim waits for what asks here, and then becomes ssh: it is the one whose session is decided next
        const isHolder = (pid: number): boolean => pid === scope.run?.pid;
        const asking = (): Caller => askingFor(peer.identify(), processes, isHolder);
        const asker = askerOf(asking, connection.gone, scope);
        return this.#ride(request, { ...asker, waiting }, peer);
      });
    });
  }

  async #ride(request: RideRequest, asker: Asker, peer: Peer): Promise<Way> {
    if (!isPlainDestination(request.destination))
      throw new Error("muxguard: denied: the destination is not plain");
    const { connections, scope } = this.#options;
    const decided = connections.decidedBy(peer.identify(), { kind: "ride", scope });
    if ("refused" in decided) throw new Error(`muxguard: denied: ${decided.refused}`);
    return this.#wayTo(request, asker);
  }

  /** @param request with a plain destination */
  async #wayTo({ destination, purpose }: RideRequest, asker: Asker): Promise<Way> {
    const { connections, scope, prompters } = this.#options;
    const key = JSON.stringify([destination.host, destination.user, destination.port, destination.jump]);
    const open = (): Promise<string> => {
      const path = join(this.#options.folder, randomBytes(4).toString("hex"));
      return connections.openFor({ destination, purpose, asker, scope, prompters }, path);
    };
    const way = connections.clientOf(await this.#paths.ensure(key, open));
    this.#ways?.write(destination, way);
    return way;
  }
}

/** The name of a ride's folder in the daemon's. */
export function rideName(holder = 0): string {
  return `ride-${holder}-${randomBytes(4).toString("hex")}`;
}

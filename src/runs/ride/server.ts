/**
 * `muxguard run --ride`: the ssh of a run rides on masters that are opened outside of it. The run gets a
 * socket where its ssh asks for the way to a host, control sockets of its own, and programs first in its PATH
 * that ask there (shims.ts).
 */

import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { ResponseError } from "vscode-jsonrpc/node.js";
import type { Prompter } from "../../approver/prompter.ts";
import { messageOf } from "../../errors.ts";
import { type Asker, waitingLine } from "../../guard/decide/broker.ts";
import type { Scope } from "../../guard/decide/scope.ts";
import { isPlainDestination } from "../../identity/ssh/plain-destination.ts";
import type { Connections } from "../../masters/connections.ts";
import { ensurePrivateFolder } from "../../platform/files/private-folder.ts";
import { Peer } from "../../platform/proc/peer.ts";
import { type Accepted, type Listener, listenPrivately } from "../../platform/sockets/listener.ts";
import type { Question } from "../../policy/question.ts";
import { forwardKinds } from "../../policy/request.ts";
import { type RideRequest, rideRequest, serveClient, tell } from "../../rpc/rpc.ts";
import { askerOf, parentOf } from "../asking-parent.ts";
import { RidePaths } from "./paths.ts";
import { writeShims } from "./shims.ts";

export interface RidesOptions {
  connections: Connections;
  scope: Scope;
  prompters: readonly Prompter[];
  /** A folder for the run alone. */
  folder: string;
}

/** What a run sends may be anything. */
const schema = v.strictObject({
  destination: v.strictObject({
    host: v.string(),
    user: v.exactOptional(v.string()),
    port: v.exactOptional(v.pipe(v.number(), v.safeInteger())),
    jump: v.exactOptional(v.string()),
  }),
  purpose: v.strictObject({
    command: v.exactOptional(v.string()),
    subsystem: v.exactOptional(v.string()),
    forward: v.exactOptional(
      v.strictObject({ kind: v.picklist(forwardKinds), connect: v.exactOptional(v.string()) }),
    ),
  }),
});

/** The most that one client may send, in bytes. */
const MAX_RECEIVED = 1024 * 1024;

export class Rides {
  readonly #options: RidesOptions;
  readonly #paths: RidePaths;
  #listener: Listener | undefined;

  private constructor(options: RidesOptions) {
    this.#options = options;
    this.#paths = new RidePaths((path) => options.connections.isOpen(path));
  }

  static async start(options: RidesOptions): Promise<Rides> {
    ensurePrivateFolder(options.folder);
    const rides = new Rides(options);
    const socket = join(options.folder, "ride.sock");
    rides.#listener = await listenPrivately(socket, (connection, accepted) =>
      rides.#serve(connection, accepted),
    );
    try {
      writeShims(options.folder, socket);
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
    await this.#listener?.close();
    for (const path of await this.#paths.all()) this.#options.connections.stop(path);
    if (!keepsShims) rmSync(this.#options.folder, { recursive: true, force: true });
  }

  #serve(socket: Socket, accepted: Accepted): void {
    const { connections, scope } = this.#options;
    const { processes } = connections;
    const peer = new Peer(accepted, processes);
    serveClient(socket, MAX_RECEIVED, (connection, gone) => {
      const waiting = (question: Question): void => tell(connection, waitingLine(question));
      connection.onRequest(rideRequest, async (request) => {
        try {
          // the shim waits for what asks here, and then becomes ssh: it is the one whose session is decided
          // next
          const asker = askerOf(() => parentOf(peer.identify(), processes), gone, scope);
          const { success, output } = v.safeParse(schema, request);
          if (!success) throw new Error("muxguard: denied: the request is not understood");
          return await this.#ride(output, { ...asker, waiting }, peer);
        } catch (error) {
          throw new ResponseError(1, messageOf(error));
        }
      });
    });
  }

  async #ride(
    { destination, purpose }: RideRequest,
    asker: Asker,
    peer: Peer,
  ): Promise<{ path: string; sshConfig?: string }> {
    if (!isPlainDestination(destination)) throw new Error("muxguard: denied: the destination is not plain");
    const { connections, scope, prompters } = this.#options;
    if (connections.isOfOtherRun(peer.identify(), scope))
      throw new Error("muxguard: denied: this is another run's");
    const key = JSON.stringify([destination.host, destination.user, destination.port, destination.jump]);
    const open = (): Promise<string> => {
      const path = join(this.#options.folder, randomBytes(4).toString("hex"));
      return connections.openFor({ destination, purpose, asker, scope, prompters }, path);
    };
    return connections.clientOf(await this.#paths.ensure(key, open));
  }
}

/** The name of a ride's folder in the daemon's. */
export function rideName(holder = 0): string {
  return `ride-${holder}-${randomBytes(4).toString("hex")}`;
}

/**
 * After a crash: those of runs that are over. The programs of the others must find their shims, and hear that
 * nobody answers.
 */
export function removeStaleRides(runtime: string): void {
  for (const name of readdirSync(runtime)) {
    const holder = /^ride-(\d+)-/.exec(name)?.[1];
    if (holder !== undefined && !existsSync(`/proc/${holder}`))
      rmSync(join(runtime, name), { recursive: true, force: true });
  }
}

/** The control sockets behind the guard: which masters there are, and who serves their clients. */
import { statSync } from "node:fs";
import type { Broker } from "../guard/broker.ts";
import { type MasterEnd, MuxConnection } from "../guard/mux-connection.ts";
import type { Scope } from "../guard/scope.ts";
import type { Logins } from "../identity/logins.ts";
import { masterCommandLine } from "../identity/master-command-line.ts";
import type { MasterDestinations, MasterOrigin } from "../identity/master-destination.ts";
import type { DescriptorSocket } from "../platform/descriptor-socket.ts";
import { closeDescriptors } from "../platform/libc.ts";
import type { Accepted } from "../platform/listener.ts";
import { Peer } from "../platform/peer.ts";
import type { ProcessTable } from "../platform/process.ts";
import { isTerminal, tell } from "../platform/user-stream.ts";
import type { Caller } from "../policy/request.ts";
import { Adoption } from "./adoption.ts";
import type { Config } from "./config.ts";
import { Masters, type Placed } from "./masters.ts";

export interface ConnectionsParts {
  config: Config;
  broker: Broker;
  processes: ProcessTable;
  destinations: MasterDestinations;
  logins: Logins;
  /** The scope of a client of a socket that is there for all. */
  scopeOf(caller: Caller | undefined): Scope;
  report(line: string): void;
}

const descriptors = { close: closeDescriptors, isTerminal, tell };

export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #masters = new Masters(() => {});
  readonly #adoption: Adoption;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.#adoption = new Adoption({
      masters: this.#masters,
      serve: (socket, accepted, master) => this.#serve(socket, accepted, master, parts.scopeOf),
      originOf: (pid) => this.#originOf(pid),
      whereabouts: (origin) => parts.destinations.resolve(origin),
      report: parts.report,
    });
  }

  /** Takes over the masters of the folders in config.toml. A folder that can't be watched is told of. */
  async watchFolders(): Promise<void> {
    for (const folder of this.#parts.config.controlFolders) {
      await this.#adoption.watch(folder).catch((error: Error) => {
        this.#parts.report(`muxguard: ${error.message}`);
      });
    }
  }

  /** @throws Error that says why the socket, or the folder, is left alone */
  async adopt(path: string): Promise<void> {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return this.#adoption.watch(path);
    const reason = await this.#adoption.adopt(path);
    if (reason !== undefined) throw new Error(`${path} is left alone: ${reason}`);
  }

  masters(): Placed[] {
    return this.#masters.all();
  }

  close(): void {
    this.#adoption.close();
  }

  #serve(
    socket: DescriptorSocket,
    accepted: Accepted,
    master: MasterEnd,
    scopeOf: (caller: Caller | undefined) => Scope,
  ): void {
    const { broker, processes, config } = this.#parts;
    new MuxConnection(socket, {
      broker,
      scopeOf,
      client: new Peer(accepted, processes),
      master,
      descriptors,
      tellAlways: config.announce === "always",
    });
  }

  #originOf(pid: number): MasterOrigin {
    const caller = this.#parts.processes.read(pid);
    const login = this.#parts.logins.of(caller);
    const command = masterCommandLine(caller.cmdline, this.#parts.config.sshConfig);
    const { plain = false, ...destination } = command ?? {};
    return {
      ...(login && { login }),
      ...("host" in destination && { destination }),
      plain,
    };
  }
}

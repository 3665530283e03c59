/** The control sockets behind the guard: which masters there are, and who serves their clients. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import type { Prompter } from "../approver/prompter.ts";
import type { Broker } from "../guard/decide/broker.ts";
import { type DecidedBy, decidingScope, type Scope, type SocketOf } from "../guard/decide/scope.ts";
import type { Asker } from "../guard/decide/verdict.ts";
import { MuxConnection } from "../guard/mux/connection.ts";
import type { Logins } from "../identity/logins.ts";
import type { MasterDestinations, MasterOrigin } from "../identity/master-destination.ts";
import type { SshConfig } from "../identity/ssh/config.ts";
import { masterCommandLine } from "../identity/ssh/master-command-line.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import { closeDescriptors } from "../platform/libc.ts";
import { Peer } from "../platform/proc/peer.ts";
import { ProcessGone, type ProcessTable } from "../platform/proc/process.ts";
import { type ControlListener, checkControlFolder } from "../platform/sockets/control-socket.ts";
import { answers, checkLength, removeStale } from "../platform/sockets/listener.ts";
import { isTerminal, tell } from "../platform/sockets/user-stream.ts";
import type { Caller } from "../policy/request.ts";
import type { GuardedMaster, OpenedMaster } from "../rpc/rpc.ts";
import type { Config } from "../settings/config.ts";
import { Adoption, type KnownMaster } from "./adoption.ts";
import { Masters, type ServeClient } from "./masters.ts";
import type { Askpass, OpenRequest } from "./opening.ts";
import { Openings } from "./openings.ts";
import { type MasterRecord, MasterRecords } from "./records.ts";

export interface ConnectionsParts {
  config: Config;
  broker: Broker;
  processes: ProcessTable;
  destinations: MasterDestinations;
  logins: Logins;
  /** Which scope decides for a client that came to a socket; undefined for one that has ended. */
  decidedBy(caller: Caller | undefined, socket: SocketOf): DecidedBy;
  /** The scope of clients that are in none. */
  outside: Scope;
  report(line: string): void;
  askpass: Askpass;
  /** Private, for the guard's own sockets. */
  folder: string;
  /** The guard's. */
  environment: NodeJS.ProcessEnv;
}

export interface WayRequest {
  destination: PlainDestination;
  purpose: OpenRequest["purpose"];
  asker: Asker;
  scope: Scope;
  prompters: readonly Prompter[];
}

const descriptors = { close: closeDescriptors, isTerminal, tell };

export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #masters = new Masters();
  readonly #records: MasterRecords;
  readonly #left: readonly MasterRecord[];
  readonly #adoption: Adoption;
  readonly #openings: Openings;
  readonly #listeners = new Map<string, ControlListener>();

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.#records = new MasterRecords(parts.folder);
    this.#left = this.#records.takeOver();
    const ended = (pid: number): void => this.#records.remove(pid);
    this.#openings = new Openings({
      ...parts,
      sshConfig: parts.config.sshConfig,
      guarded: (pid, origin) => this.#record(pid, origin, true),
      listening: (pid, path) => this.#records.addPath(pid, path),
      ended,
    });
    this.#adoption = new Adoption({
      masters: this.#masters,
      serve: this.#serveIn(parts.outside),
      originOf: (pid, starter) => this.#originOf(pid, starter),
      guarded: (pid, origin, path) => this.#record(pid, origin, false, path),
      ended,
      whereabouts: (origin) => parts.destinations.resolve(origin),
      report: parts.report,
    });
  }

  /**
   * Takes over the masters of the folders in config.toml, and those of a guard that was killed. A folder that
   * can't be watched is told of.
   */
  async start(): Promise<void> {
    for (const folder of this.#parts.config.controlFolders) {
      await this.#adoption.watch(folder).catch((error: Error) => {
        this.#parts.report(`muxguard: ${error.message}`);
      });
    }
    for (const { opened, paths } of this.#left)
      for (const path of paths)
        await (opened ? removeStale(path).catch(() => {}) : this.#adoption.recover(path));
  }

  /** @throws Error that says why the socket, or the folder, is left alone */
  async adopt(path: string): Promise<void> {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return this.#adoption.watch(path);
    const reason = await this.#adoption.adopt(path);
    if (reason !== undefined) throw new Error(`${path} is left alone: ${reason}`);
  }

  get processes(): ProcessTable {
    return this.#parts.processes;
  }

  /**
   * `muxguard open`: a master, and the listener where plain ssh looks for it.
   * @param words the command line's: options for ssh, and the host
   * @throws OpenDenied, or Error that says what to do
   */
  async open(
    words: readonly string[],
    host: string,
    request: Omit<WayRequest, "destination" | "purpose">,
    controlPath?: string,
  ): Promise<OpenedMaster> {
    const { sshConfig } = this.#parts.config;
    const found = masterCommandLine(
      ["ssh", ...(sshConfig === undefined ? [] : ["-F", sshConfig]), ...words, "--", host],
      sshConfig,
    );
    if (found?.host !== host)
      throw new Error(
        "no host, or options that are not for opening a connection; muxguard open HOST [ssh options]",
      );
    const { plain, ...destination } = found;
    const config = await this.#configOf(destination);
    const path = controlPath ?? (plain ? config.controlPath : undefined);
    if (path === undefined)
      throw new Error(`${host} has no ControlPath; set one in ~/.ssh/config, or say --control-path`);
    if (this.#masters.at(path) || this.isOpen(path)) return { path, already: true };
    // before the login: afterwards a master would be there, and nobody could use it
    checkLength(path);
    checkControlFolder(dirname(path));
    if (await answers(path))
      throw new Error(`somebody listens at ${path} already; take it over: muxguard adopt ${path}`);
    await removeStale(path);
    const options = { destination, config, options: words, plain, purpose: {} };
    this.#listeners.set(
      path,
      await this.#openings.listen(path, { ...request, ...options }, this.#serveIn(this.#parts.outside)),
    );
    return { path, already: false };
  }

  /** A master for a run, at a path of its own. @throws OpenDenied, or Error */
  async openFor(request: WayRequest, path: string): Promise<string> {
    const config = await this.#configOf(request.destination);
    const open = { ...request, config, options: [], plain: true };
    this.#listeners.set(path, await this.#openings.listen(path, open, this.#serveIn(request.scope)));
    return path;
  }

  decidedBy(caller: Caller, socket: SocketOf): DecidedBy {
    return this.#parts.decidedBy(caller, socket);
  }

  async #configOf(destination: PlainDestination): Promise<SshConfig> {
    const config = await this.#parts.destinations.config(destination);
    if (!config)
      throw new Error(`ssh -G ${destination.host} says nothing; is the ssh configuration in order?`);
    return config;
  }

  isOpen(path: string): boolean {
    return this.#listeners.get(path)?.isInPlace() ?? false;
  }

  /** What a mux client needs to know. */
  clientOf(path: string): { path: string; sshConfig?: string } {
    const { sshConfig } = this.#parts.config;
    return { path, ...(sshConfig !== undefined && { sshConfig }) };
  }

  /** Stops listening at a path; the master stays. */
  stop(path: string): void {
    this.#listeners.get(path)?.close();
    this.#listeners.delete(path);
  }

  /**
   * Ends the master that was opened for the host. @returns its control path, or the host; undefined if there
   * is none
   */
  async end(host: string): Promise<string | undefined> {
    const path = host.startsWith("/") ? host : (await this.#configOf({ host })).controlPath;
    return [path, host].find((one) => one !== undefined && this.#openings.end(one));
  }

  masters(): GuardedMaster[] {
    const adopted = this.#masters
      .all()
      .map(({ path, master }) => ({ path, origin: "adopted" as const, pid: master.pid }));
    const opened = this.#openings.all().flatMap(({ host, master, listeners }) => {
      const paths = [...listeners].flatMap((listener) => (listener.isInPlace() ? listener.path : []));
      // one that runs have used, and nobody does now
      const places = paths.length > 0 ? paths : [`to ${host}`];
      return places.map((path) => ({ path, origin: "opened" as const, pid: master.pid }));
    });
    return [...adopted, ...opened];
  }

  async close(): Promise<void> {
    await this.#adoption.close();
    await this.#openings.close();
    this.#records.close();
  }

  #record(pid: number, origin: MasterOrigin, opened: boolean, path?: string): void {
    const { processes } = this.#parts;
    try {
      this.#records.add(processes.read(pid), origin, opened, path);
    } catch (error) {
      if (!(error instanceof ProcessGone)) throw error; // it has just ended: nothing is left of it
    }
  }

  /** The run that a client is in decides; the scope is for those who are in none. */
  #serveIn(scope: Scope): ServeClient {
    const { broker, processes, config, decidedBy } = this.#parts;
    const control: SocketOf = { kind: "control", scope };
    return (socket, accepted, master) => {
      new MuxConnection(socket, {
        broker,
        scopeOf: (caller) => decidingScope(decidedBy(caller, control), control),
        client: new Peer(accepted, processes),
        master,
        descriptors,
        tellAlways: config.announce === "always",
      });
    };
  }

  #originOf(pid: number, starter: number): KnownMaster {
    const maker = this.#parts.processes.read(pid);
    const left = this.#records.originOf(maker);
    if (left) return { maker, origin: left };
    const { logins, config } = this.#parts;
    const login = logins.of(maker) ?? logins.ofParent(starter, maker);
    const { plain = false, ...destination } = masterCommandLine(maker.cmdline, config.sshConfig) ?? {};
    const origin = { ...(login && { login }), ...("host" in destination && { destination }), plain };
    return { maker, origin };
  }
}

/** The control sockets behind the guard: which masters there are, and who serves their clients. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { type DecidedBy, decidingScope, type Scope, type SocketOf } from "../guard/decide/scope.ts";
import { MuxConnection } from "../guard/mux/connection.ts";
import type { MuxSocket } from "../guard/mux/master-link.ts";
import type { SshConfig } from "../identity/ssh/config.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import { bootTime } from "../platform/libc/clock.ts";
import { closeDescriptors } from "../platform/libc/descriptors.ts";
import { isUnconnected } from "../platform/libc/sockets.ts";
import { workingFolder } from "../platform/proc/facts.ts";
import { Peer } from "../platform/proc/peer.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import { checkControlFolder, listenAtControlPath } from "../platform/sockets/control-socket.ts";
import { answers, checkLength, removeStale } from "../platform/sockets/listener.ts";
import { isRaw, isTerminal, tell } from "../platform/sockets/user-stream.ts";
import type { Caller } from "../policy/request.ts";
import { Adoption } from "./adoption.ts";
import type { ConnectionsParts, HowItEnds, InnerPeer, OpenedPath, WayRequest } from "./connections-parts.ts";
import { usualControlFolders } from "./control-folders.ts";
import { Ending, type IsMeant } from "./ending.ts";
import type { MasterRecord } from "./master-record.ts";
import { readOpenWords, unknownPath } from "./open/open-words.ts";
import { Opener } from "./open/opener.ts";
import type { OpenRequest } from "./open/opening.ts";
import { goesByItself, isFor, originOf, runAround, sendAway, within } from "./origin.ts";
import { Targets, withMasters } from "./own-places.ts";
import { giveBack, type ServeClient } from "./placing.ts";
import { MasterRecords } from "./records.ts";
import { type Ended, type GuardedMaster, type ListedMaster, MasterRegistry } from "./registry.ts";
import { Turns } from "./turns.ts";

const descriptors = { close: closeDescriptors, isRaw, isTerminal, isUnconnected, tell };

export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #records: MasterRecords;
  readonly #left: readonly MasterRecord[];
  readonly #registry: MasterRegistry;
  readonly #ending: Ending;
  readonly #adoption: Adoption;
  readonly #opener: Opener;
  readonly #turns = new Turns();
  readonly #targets: Targets;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.#records = new MasterRecords(parts.folder, parts.report);
    this.#left = this.#records.takeOver();
    this.#registry = new MasterRegistry(this.#records);
    this.#ending = new Ending(this.#registry, bootTime);
    this.#targets = new Targets(withMasters(parts.own, this.#registry));
    const { sshConfig } = parts.config;
    this.#opener = new Opener({ ...parts, sshConfig, registry: this.#registry, ending: this.#ending });
    const origins = { ...parts, sshConfig, claimOf: (maker: Caller) => this.#records.claimOf(maker) };
    this.#adoption = new Adoption({
      registry: this.#registry,
      ending: this.#ending,
      serve: this.#serveIn(parts.outside),
      originOf: (pid, starter) => originOf(origins, pid, starter),
      identify: (pid) => parts.processes.read(pid),
      runAround: (pids) => runAround(pids, parts.processes, parts.runAround),
      whereabouts: (origin) => parts.destinations.resolve(origin),
      report: parts.report,
    });
  }

  /**
   * Takes over the masters of the folders in config.toml, and those of a guard that was killed. What goes
   * wrong is told of. Never rejects.
   */
  async start(): Promise<void> {
    const { config, environment } = this.#parts;
    const { controlFolders, sshConfig } = config;
    for (const folder of controlFolders ?? []) await this.#adoption.watch(folder);
    for (const folder of controlFolders ? [] : usualControlFolders(sshConfig, environment))
      await this.#adoption.watchUsual(folder);
    for (const { opened, paths } of this.#left)
      for (const path of paths)
        await (opened ? removeStale(path) : this.#adoption.recover(path)).catch(() => {}); // nothing is left there
  }

  /** The folders whose masters are taken over, and the file for `ssh -F`. */
  watched(): { watched: string[]; sshConfig?: string } {
    const { sshConfig } = this.#parts.config;
    return { watched: this.#adoption.watched(), ...(sshConfig !== undefined && { sshConfig }) };
  }

  /** @throws Error that says why the socket, or the folder, is left alone */
  async adopt(path: string): Promise<void> {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      checkControlFolder(path);
      return this.#adoption.watch(path);
    }
    await this.#adoption.take(path);
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
  ): Promise<OpenedPath> {
    const { options, destination, plain } = readOpenWords(words, host, this.#parts.config.sshConfig);
    const config = await this.#configOf(destination);
    if (controlPath === undefined && !plain) throw new Error(unknownPath(options, host));
    const path = controlPath ?? config.controlPath;
    if (path === undefined)
      throw new Error(`${host} has no ControlPath; set one in ~/.ssh/config, or say --control-path`);
    const open: OpenRequest = { ...request, destination, config, options, plain, purpose: {} };
    // two at once would both find the path free
    return this.#turns.run(path, () => this.#openAt(path, open));
  }

  async #openAt(path: string, request: OpenRequest): Promise<OpenedPath> {
    const there = this.#registry.at(path);
    if (there) return { path, already: isFor(there, request, path) };
    if (request.asker.gone.aborted) throw new Error("whoever asked went away");
    // before the login: afterwards a master would be there, and nobody could use it
    checkLength(path);
    checkControlFolder(dirname(path));
    if (await answers(path))
      throw new Error(`somebody listens at ${path} already; take it over: muxguard adopt ${path}`);
    await removeStale(path);
    const guarded = await this.#opener.ensure(request);
    const shares = this.#registry.pathsOf(guarded);
    await this.#listen(guarded, path, this.#parts.outside);
    return { path, already: false, ...(shares.length > 0 && { shares }) };
  }

  /** A master for a run, at a path of its own. @throws OpenDenied, or Error */
  async openFor(request: WayRequest, path: string): Promise<string> {
    const config = await this.#configOf(request.destination);
    const guarded = await this.#opener.ensure({ ...request, config, options: [], plain: true });
    await this.#listen(guarded, path, request.scope);
    return path;
  }

  async #listen(guarded: GuardedMaster, path: string, scope: Scope): Promise<void> {
    const { master } = guarded;
    const serve = this.#serveIn(scope);
    const listener = await listenAtControlPath(path, (socket, accepted) => serve(socket, accepted, master));
    if (master.hasStopped) {
      listener.close();
      throw new Error("the master has ended");
    }
    this.#registry.listen(guarded, listener);
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

  /** Whether the process is a guarded master: a client of that pid comes over its connection. */
  isMaster(pid: number): boolean {
    return this.#registry.all().some(({ master }) => master.pid === pid);
  }

  /** Whether an opened master can be reached there. */
  isOpen(path: string): boolean {
    return this.#registry.at(path)?.kind === "opened";
  }

  /** What a mux client needs to know. */
  clientOf(path: string): { path: string; sshConfig?: string } {
    const { sshConfig } = this.#parts.config;
    return { path, ...(sshConfig !== undefined && { sshConfig }) };
  }

  /**
   * What serves a client of a path that is no process at a socket: undefined where no master is.
   * @param terminal whether its stderr is one
   */
  serveInner(
    path: string,
    { scope, client, terminal }: InnerPeer,
  ): ((socket: MuxSocket) => void) | undefined {
    const { broker, config } = this.#parts;
    const master = this.#registry.at(path)?.master;
    if (!master) return undefined;
    return (socket) =>
      void new MuxConnection(socket, {
        ...{ broker, client, master },
        scopeOf: () => scope,
        descriptors: { ...descriptors, isTerminal: () => terminal },
        findTarget: (target) => this.#targets.find(target, workingFolder(master.pid)),
        tellAlways: config.announce === "always",
      });
  }

  /** Stops listening at a path; the master stays. */
  stop(path: string): void {
    this.#registry.stop(path);
  }

  /**
   * `muxguard close`. A host: all masters that were opened for it. A path: that path, and the master if it
   * was the last one.
   * @returns what was closed; undefined if there is none
   */
  async end(place: string): Promise<Ended | undefined> {
    if (place.startsWith("/")) return this.#registry.endAt(place);
    const { controlPath } = await this.#configOf({ host: place });
    const there = controlPath === undefined ? undefined : this.#registry.at(controlPath);
    const ended = this.#registry.endHost(place);
    if (ended > 0) return { path: there?.host === place && controlPath ? controlPath : place, remaining: [] };
    // opened under another name of the host
    return controlPath === undefined ? undefined : this.#registry.endAt(controlPath);
  }

  /** Ends those that are meant, whoever made them, and those of them that are being made. */
  endThose(isMeant: IsMeant): Promise<void> {
    return this.#ending.endThose(isMeant);
  }

  /** The run is over, and so are the connections that were made inside of it. */
  endRun(id: string): void {
    this.#registry.endRun(id);
    this.#adoption
      .settled()
      .then(() => this.#registry.endRun(id))
      .catch((error: Error) => this.#parts.report(`muxguard: ${error.message}`));
  }

  masters(): ListedMaster[] {
    return this.#registry.list();
  }

  /**
   * Adopted masters get their sockets back where it ends because somebody said so. They end with one that is
   * lost. One that starts anew leaves their sockets where they are, and takes them over from there: nobody
   * uses them meanwhile.
   */
  async close(how: HowItEnds = "stop"): Promise<void> {
    await this.#adoption.close();
    await this.#opener.close();
    const closed = this.#registry.close(how === "restart" ? () => {} : giveBack, how === "lost");
    const isKept = how === "replaced" || how === "restart";
    await closed.finally(() => isKept || this.#records.close());
  }

  /** The run that a client is in decides; the scope is for those who are in none. */
  #serveIn(scope: Scope): ServeClient {
    const { broker, processes, config, decidedBy } = this.#parts;
    const control: SocketOf = { kind: "control", scope };
    return (socket, accepted, master, inside) => {
      const client = new Peer(accepted, processes);
      const scopeOf = (caller: Caller | undefined): Scope =>
        within(inside, decidingScope(decidedBy(caller, control), control));
      const findTarget = (path: string) => this.#targets.find(path, workingFolder(master.pid));
      const tellAlways = config.announce === "always";
      const serve = (): void => {
        if (inside && goesByItself(client, scopeOf)) sendAway(socket);
        else
          new MuxConnection(socket, { broker, scopeOf, client, master, descriptors, findTarget, tellAlways });
      };
      // one that passes on what comes over its connection: nobody can say who that is
      const serveOthers = (): void => (this.isMaster(accepted.pid) ? socket.destroy() : serve());
      // a master that has become a client is the child's: control_persist_detach() of ssh.c
      if (accepted.pid !== master.pid) serveOthers();
      else
        master
          .follow()
          .then(serveOthers)
          .catch(() => socket.destroy());
    };
  }
}

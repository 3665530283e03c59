/**
 * The guard as it runs: its scopes, its sockets, its masters, and what muxguard's own commands may do.
 * `muxguard daemon` runs one for the login session, and `muxguard run` one for its command where no daemon
 * runs. What it is made of is put together in compose/.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Prompter } from "../approver/prompter.ts";
import { attempt, attemptEach } from "../attempt.ts";
import { messageOf } from "../errors.ts";
import type { Scope } from "../guard/decide/scope.ts";
import { Connections } from "../masters/connections.ts";
import type { HowItEnds } from "../masters/connections-parts.ts";
import { agentSocketOf, askpassSocketOf } from "../masters/open/opening.ts";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";
import { Peer } from "../platform/proc/peer.ts";
import { protectProcess } from "../platform/proc/protect.ts";
import { keepHeapSmall } from "../platform/proc/small-heap.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/sockets/listener.ts";
import { brokenNote } from "../policy/describe/broken-policy.ts";
import type { GrantFacts } from "../policy/grants.ts";
import type { Caller, ControlOperation } from "../policy/request.ts";
import type { ConfinedReach, Locking } from "../rpc/requests.ts";
import type { Config } from "../settings/config.ts";
import type { Paths } from "../settings/paths.ts";
import { composeGuard, type GuardOptions, type GuardParts } from "./compose/guard.ts";
import { isDesktopReached, outOfReach } from "./confined.ts";
import { logControl, logRefused } from "./control-log.ts";
import { setLock } from "./locking.ts";
import { type AddedScope, newRun, type Opened, type OpenScope, type ScopeOptions } from "./opened.ts";
import type { ReachOf } from "./status/reach.ts";
import type { Alarms } from "./watch/alarms.ts";
import { type DaemonEnds, describeListener, RuntimeWatch } from "./watch/runtime-watch.ts";
import { settingsFaults } from "./watch/settings-faults.ts";
import { findSuccessor } from "./watch/successor.ts";

export class Guard {
  readonly #options: GuardOptions;
  readonly #parts: GuardParts;
  readonly #open = new Set<Opened>();
  #connections: Connections | undefined;
  /** Set when the guard ends, and runs may go on without it. */
  isClosing = false;

  private constructor(options: GuardOptions) {
    this.#options = options;
    this.#parts = composeGuard(options);
  }

  /** @throws Error if the private agent does not start */
  static async start(options: GuardOptions): Promise<Guard> {
    protectProcess();
    keepHeapSmall();
    ensurePrivateFolder(options.folder);
    const guard = new Guard(options);
    const { lock, alarms } = guard.#parts;
    if (lock.recall())
      alarms.raise("lock", "lock-removed", "the file of muxguard lock was removed; muxguard stays locked");
    await guard.#parts.agents.start();
    return guard;
  }

  /** Listens on an agent socket of the scope's own. @throws SettingsError for a broken policy */
  async openScope(options: ScopeOptions): Promise<OpenScope> {
    await options.policy.load();
    const scope = this.addScope(options);
    const { folder } = this.#options;
    const own = randomBytes(6).toString("hex");
    const name = options.run ? `${own}.sock` : "agent.sock";
    const path = join(folder, name);
    const inherited = this.#options.inherited?.descriptor(path);
    const listener = await listenPrivately(path, scope.serve, { ...scope.listenOptions, inherited });
    const askpass =
      options.run && (await this.#parts.askpassServer.listen(join(folder, `${own}.ask`), scope.scope));
    const opened: OpenScope = {
      ...scope,
      agentSocket: listener.path,
      askpassSocket: askpass?.path ?? this.paths.askpassSocket,
      listeners: askpass ? [listener, askpass] : [listener],
      close: async () => {
        this.#open.delete(opened);
        scope.end();
        await Promise.all([listener.close(), askpass?.close()]);
      },
    };
    this.#open.add(opened);
    return opened;
  }

  /** A scope whose connections somebody else accepts. Its policy must be loaded. */
  addScope({ run, ride, policy, approvers = [], upstream, report, tellCaller }: ScopeOptions): AddedScope {
    const { config, holdsQuestions, fleet } = this.#options;
    const { scopes, agentServer, askpassServer, ways, alarms, suggestions } = this.#parts;
    const all = [...approvers, ...outOfReach(ways.approvers, run?.confined, this.#options, report)];
    const scope: Scope = {
      ...(run && { run: newRun(run) }),
      policy: () => fleet?.merge(policy.current()) ?? policy.current(),
      ...(ride && { signsOnly: (caller: Caller) => !scopes.isLent(caller) }),
      policyNote: () => brokenNote(policy.broken()),
      ...(policy.approve && { approve: policy.approve }),
      approvers: config.approvers.flatMap((kind) => all.filter((approver) => approver.kind === kind)),
      ...(run && !holdsQuestions && { endsWithCommand: true }),
      queue: !config.approvers.includes("queue") ? "closed" : holdsQuestions ? "holds" : "answers",
      ...{ report, ...(tellCaller && { tellCaller }) },
    };
    alarms.followPolicy(policy, run?.name);
    if (policy.approve) suggestions.follow({ current: scope.policy });
    agentServer.add(scope, upstream);
    scopes.add(scope);
    return {
      scope,
      serve: (socket, accepted) => agentServer.serve(socket, accepted, scope),
      listenOptions: agentServer.listenOptions(scope),
      serveAskpass: (socket, accepted) => askpassServer.serve(socket, accepted, scope),
      end: () => this.#endRun(scope.run?.id),
    };
  }

  #endRun(id: string | undefined): void {
    if (id === undefined) return;
    this.#parts.scopes.delete(id);
    this.#parts.grants.endRun(id);
    this.#connections?.endRun(id);
  }

  /**
   * Takes over control masters, and opens some.
   * @param outside the scope of clients that are in no run, and of the logins that the guard itself makes
   */
  async guardConnections(outside: AddedScope, report: (line: string) => void): Promise<Connections> {
    const { config, environment } = this.#options;
    const { broker, processes, scopes, agentServer, askpassServer, logins, masterDestinations } = this.#parts;
    const folder = join(this.#options.folder, "control");
    ensurePrivateFolder(folder);
    this.#open.add(await askpassServer.listen(askpassSocketOf(folder), outside.scope));
    this.#open.add(await listenPrivately(agentSocketOf(folder), outside.serve, outside.listenOptions));
    this.#connections = new Connections({
      config,
      broker,
      processes,
      destinations: masterDestinations,
      logins,
      decidedBy: (caller, socket) => scopes.decidedBy(caller, socket),
      runAround: (caller) => scopes.runAround(caller),
      outside: outside.scope,
      report,
      askpass: askpassServer,
      lend: (process, scope) => scopes.lend(process, scope),
      folder,
      own: {
        folders: () => [this.paths.runtime, this.#options.folder],
        sockets: () => this.agents.paths(),
      },
      environment,
    });
    agentServer.refuseRelayed((pid) => this.#connections?.isMaster(pid) ?? false);
    return this.#connections;
  }

  /** Loads and connects what the first question would wait for. */
  warmUp(): void {
    if (this.isClosing) return;
    const { lockSignals, ways, hosts } = this.#parts;
    hosts.keepReady();
    lockSignals.listen().catch(() => {}); // it is tried again by itself
    const wanted = ways.approvers.filter(({ kind }) => this.#options.config.approvers.includes(kind));
    for (const approver of wanted) approver.warmUp?.().catch(() => {}); // the first question finds out
  }

  get paths(): Paths {
    return this.#options.paths;
  }

  /**
   * Notices what becomes of its sockets and its lock, and mends it. Never rejects.
   * @param others sockets in its folder that somebody else closes
   * @param end of a daemon, when nobody can reach it any more
   */
  watchFolder(others: readonly Listener[] = [], end?: DaemonEnds["end"]): Promise<void> {
    const { lock, alarms, processes } = this.#parts;
    const { folder } = this.#options;
    const watch = new RuntimeWatch({
      folder,
      ...(folder === this.paths.runtime && { lock }), // its file is in there
      alarms,
      listeners: () => [
        ...others,
        ...[...this.#open].flatMap((one) => ("putBack" in one ? [one] : (one.listeners ?? []))),
      ],
      listenerAt: (path) => describeListener(path, processes),
      ...(end && { ends: { successor: () => findSuccessor(this, processes), end } }),
    });
    this.#open.add(watch);
    return watch.start();
  }

  get config(): Config {
    return this.#options.config;
  }

  /**
   * Who is asked for what the guard's own ssh wants to know, after the terminal of whoever wanted the
   * connection: for a confined run nobody whom it could answer for.
   */
  promptersFor(confined: ConfinedReach | undefined): readonly Prompter[] {
    return isDesktopReached(confined, this.#options.environment) ? [] : this.#parts.ways.prompters;
  }

  get questions(): GuardParts["questions"] {
    return this.#parts.questions;
  }

  /** The ways to a person: those that there are, and the names of those that are used. */
  get reach(): ReachOf {
    return { approvers: this.#parts.ways.approvers, named: this.#options.config.approvers };
  }

  closeWith(listener: Opened): void {
    this.#open.add(listener);
  }

  /** The agents that hold the keys. */
  get agents(): GuardParts["agents"] {
    return this.#parts.agents;
  }

  /** What is wrong is told there, and listed by `muxguard status`. */
  get alarms(): Alarms {
    return this.#parts.alarms;
  }

  get grants(): GrantFacts[] {
    return this.#parts.grants.list();
  }

  /** Forgets the answers whose id begins so; without it all of them. @returns how many */
  forget(prefix?: string): number {
    return this.#parts.forget(prefix);
  }

  get isLocked(): boolean {
    return this.#parts.lock.isOn;
  }

  /** Denies everything while it is on, and forgets all answers. What makes things stricter waits for no log. */
  setLock(on: boolean, caller: Caller): Locking {
    return setLock(this.#parts, on, caller);
  }

  /** What `muxguard status` lists as wrong. */
  wrong(): string[] {
    const { alarms, told, ways } = this.#parts;
    const { config, environment } = this.#options;
    const faults = settingsFaults(config, ways.approvers, environment.PATH);
    return [...alarms.findings.list(), ...told.findings.list(), ...faults];
  }

  get runs(): number {
    return this.#parts.scopes.size;
  }

  /** What is inside of a run, be it another guard's, may not control the guard. */
  isInRun(caller: Caller): boolean {
    return this.#parts.scopes.isInside(caller);
  }

  /** Logs that what is guarded wanted to control the guard. */
  refuseControl(caller: Caller, operation: ControlOperation, reason: string): void {
    logRefused(this.#parts.broker, caller, operation, reason);
  }

  /** Logs that somebody else did. @throws Error if the log can't be written */
  recordControl(caller: Caller, operation: ControlOperation, what?: string): void {
    logControl(this.#parts.log, caller, operation, what);
  }

  /** The process at the other end of a connection to one of the guard's sockets. */
  peer(accepted: Accepted): Peer {
    return new Peer(accepted, this.#parts.processes);
  }

  /** Never rejects: what can't be closed in order is told of. */
  async close(how?: HowItEnds): Promise<void> {
    this.isClosing = true;
    const { ways, lockSignals, agents, processes, log, lock, told, hosts, secondPlaces } = this.#parts;
    const failed = (error: unknown): void =>
      this.#options.report(`muxguard: at its end: ${messageOf(error)}`);
    await attemptEach(
      [
        () => hosts.close(),
        () => this.#connections?.close(how),
        () => Promise.all([...this.#open].map((scope) => attemptEach([() => scope.close()], failed))),
        () => attempt(() => lock.restore()), // for the guard that comes next
        () => Promise.all([ways.desktop.close(), lockSignals.close()]),
        ...[told, agents, processes, secondPlaces, log].map((part) => () => part.close()),
      ],
      failed,
    );
  }
}

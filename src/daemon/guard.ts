/**
 * The guard, put together: the one place where its parts are made and wired. `muxguard daemon` runs one for
 * the login session, and
 * `muxguard run` one for its command where no daemon runs.
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Approver } from "../approver/approver.ts";
import { nextAskpass } from "../approver/askpass/next-program.ts";
import type { Prompter } from "../approver/prompter.ts";
import { auditEvent } from "../audit/event.ts";
import { AuditLog } from "../audit/log.ts";
import { AgentConnection } from "../guard/agent/connection.ts";
import { KeyNames } from "../guard/agent/key-names.ts";
import { type AgentAddress, createUpstream } from "../guard/agent/upstream.ts";
import { Broker } from "../guard/decide/broker.ts";
import { newId } from "../guard/decide/ids.ts";
import { Questions } from "../guard/decide/questions.ts";
import type { Scope } from "../guard/decide/scope.ts";
import { agentRoute } from "../identity/agent-route.ts";
import { createDestinationResolver } from "../identity/destination.ts";
import { HostIdentifier } from "../identity/hosts/host-identity.ts";
import { Logins } from "../identity/logins.ts";
import { MasterDestinations } from "../identity/master-destination.ts";
import { SessionRegistry } from "../identity/session-registry.ts";
import { SshConfigs } from "../identity/ssh/config.ts";
import { Connections } from "../masters/connections.ts";
import { agentSocketOf, askpassSocketOf } from "../masters/opening.ts";
import { sessionBusSocket, systemBusSocket } from "../platform/dbus/bus-address.ts";
import { type LockSignals, onLockOrSleep } from "../platform/dbus/lock-signals.ts";
import { createDesktop, type OpenDesktop } from "../platform/desktop/desktop.ts";
import { ensurePrivateFolder } from "../platform/files/private-folder.ts";
import { bootTime } from "../platform/libc.ts";
import { sessionEnd } from "../platform/proc/login-session.ts";
import { Peer } from "../platform/proc/peer.ts";
import { ProcessGone, ProcessTable } from "../platform/proc/process.ts";
import { protectProcess } from "../platform/proc/protect.ts";
import { keepHeapSmall } from "../platform/proc/small-heap.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/sockets/listener.ts";
import { type GrantFacts, Grants } from "../policy/grants.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Caller, ControlOperation, Request } from "../policy/request.ts";
import { Runs } from "../runs/runs.ts";
import type { Config } from "../settings/config.ts";
import type { Paths } from "../settings/paths.ts";
import type { PolicySource } from "../settings/policy-files.ts";
import { createApprovers, type Approvers } from "./approvers.ts";
import { AskpassServer } from "./askpass-server.ts";
import { Lock } from "./lock.ts";
import { Notices } from "./notices.ts";
import { UpstreamAgents } from "./upstream-agents.ts";

/**
 * How long an upstream agent may take for what a person has to do, in milliseconds: a touch, a PIN, `ssh-add
 * -c`.
 */
const PERSON_TIMEOUT = 120_000;

/** In milliseconds: what starts many logins starts them together. */
const GATHER_FOR = 150;

export interface GuardOptions {
  paths: Paths;
  config: Config;
  /** The guard's own: where SSH_AUTH_SOCK and SSH_ASKPASS come from. */
  environment: NodeJS.ProcessEnv;
  /** Whether questions stay open for `muxguard approve` alone. */
  holdsQuestions: boolean;
  /** Where its sockets are. */
  folder: string;
  /** Called when a question comes up. */
  onQuestion?: () => void;
}

export interface ScopeOptions {
  /** For a run: its name in policies, and the process that holds it. */
  run?: { name: string; pid: number };
  policy: PolicySource;
  /** The path of the agent to use instead of the guard's own. */
  upstream?: string;
  /** Asked before the guard's own approvers. */
  approvers?: readonly Approver[];
  report: (line: string) => void;
}

export interface OpenScope extends AddedScope {
  agentSocket: string;
  /** For muxguard-askpass. */
  askpassSocket: string;
  close(): Promise<void>;
}

export interface AddedScope {
  readonly scope: Scope;
  serve(socket: Socket, accepted: Accepted): void;
  /** The same for muxguard-askpass. */
  serveAskpass(socket: Socket, accepted: Accepted): void;
  /** Forgets what was granted to the run. */
  end(): void;
}

/** The agents behind a scope, and what they said of their keys. */
interface Agents {
  addresses: readonly AgentAddress[];
  keyNames: KeyNames;
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #agents: UpstreamAgents;
  readonly #log: AuditLog;
  readonly #processes = new ProcessTable();
  readonly #grants = new Grants(bootTime);
  readonly #questions: Questions;
  readonly #keyNames = new KeyNames();
  readonly #sessions = new SessionRegistry();
  readonly #logins = new Logins();
  readonly #destinations: ReturnType<typeof createDestinationResolver>;
  readonly #masterDestinations: MasterDestinations;
  readonly #broker: Broker;
  readonly #askpassServer: AskpassServer;
  readonly #desktop: OpenDesktop;
  readonly #approvers: Approvers;
  readonly #lock: Lock;
  readonly #lockSignals: LockSignals;
  readonly #runs = new Runs<AddedScope>(this.#processes);
  readonly #open = new Set<{ close(): Promise<void> }>();
  #connections: Connections | undefined;
  /** Set when the guard ends, and runs may go on without it. */
  isClosing = false;

  private constructor(options: GuardOptions) {
    const { config, paths, environment } = options;
    this.#options = options;
    this.#agents = new UpstreamAgents(config.upstreamAgents, environment, options.folder);
    this.#log = new AuditLog(paths.log, config.syncLog);
    const configs = new SshConfigs(config.sshConfig === undefined ? {} : { file: config.sshConfig });
    const hosts = new HostIdentifier({}, configs);
    this.#destinations = createDestinationResolver({}, hosts);
    this.#masterDestinations = new MasterDestinations(configs, hosts);
    const askpass = nextAskpass(environment, config.askpass);
    const outside = (pid: number): Caller | undefined => this.#runs.outside(pid);
    this.#desktop = createDesktop(environment, (pid) => outside(pid) !== undefined);
    this.#approvers = createApprovers({
      environment,
      askpass,
      config,
      desktop: this.#desktop,
      folder: join(options.folder, "popup"),
      outside,
    });
    this.#lockSignals = onLockOrSleep(
      {
        system: () => systemBusSocket(environment),
        session: () => sessionBusSocket(environment),
        uid: userInfo().uid,
      },
      () => this.forget(),
    );
    const onOpen = (): void => {
      // from the first question on, at the latest: before it there is no approval to forget
      void this.#lockSignals.listen();
      options.onQuestion?.();
    };
    this.#questions = new Questions(onOpen, { gatherFor: GATHER_FOR, perProgram: config.maxQuestions });
    // the way by which it is answered is the one by which it is unlocked
    this.#lock = new Lock(paths.runtime, () => options.onQuestion?.());
    const notices = new Notices({ patterns: config.notices, desktop: this.#desktop.notices, now: bootTime });
    this.#broker = new Broker({
      record: (decided) => {
        this.#log.append(auditEvent(decided));
        notices.decided(decided);
      },
      grants: this.#grants,
      questions: this.#questions,
      settings: config,
      now: bootTime,
      sessionEnd,
      isLocked: () => this.#lock.isOn,
    });
    this.#askpassServer = new AskpassServer({
      processes: this.#processes,
      broker: this.#broker,
      scopeOf: (caller, scope) => this.#runs.scopeOfAskpass(caller, scope),
      asksOnTerminals: config.approvers.includes("terminal"),
    });
  }

  /** @throws Error if the private agent does not start */
  static async start(options: GuardOptions): Promise<Guard> {
    protectProcess();
    keepHeapSmall();
    ensurePrivateFolder(options.folder);
    const guard = new Guard(options);
    await guard.#agents.start();
    return guard;
  }

  /** Listens on an agent socket of the scope's own. @throws SettingsError for a broken policy */
  async openScope(options: ScopeOptions): Promise<OpenScope> {
    await options.policy.load();
    const scope = this.addScope(options);
    const { folder } = this.#options;
    const own = randomBytes(6).toString("hex");
    const name = options.run ? `${own}.sock` : "agent.sock";
    const listener = await listenPrivately(join(folder, name), scope.serve);
    const askpass =
      options.run && (await this.#askpassServer.listen(join(folder, `${own}.ask`), scope.scope));
    const opened: OpenScope = {
      ...scope,
      agentSocket: listener.path,
      askpassSocket: askpass?.path ?? this.paths.askpassSocket,
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
  addScope({ run, policy, approvers = [], upstream, report }: ScopeOptions): AddedScope {
    const { config, holdsQuestions } = this.#options;
    const all = [...approvers, ...this.#approvers.approvers];
    const scope: Scope = {
      ...(run && { run: { id: randomBytes(6).toString("hex"), ...run } }),
      policy: () => policy.current(),
      ...(policy.approve && { approve: policy.approve }),
      approvers: config.approvers.flatMap((kind) => all.filter((approver) => approver.kind === kind)),
      queue: !config.approvers.includes("queue") ? "closed" : holdsQuestions ? "holds" : "answers",
      report,
    };
    const agents: Agents = {
      addresses: this.#agents.addresses(upstream),
      // another agent may list the same keys under other comments
      keyNames: upstream === undefined ? this.#keyNames : new KeyNames(),
    };
    const added: AddedScope = {
      scope,
      serve: (socket, accepted) => {
        // the run that a client is in decides, whichever socket it comes to
        const inner = scope.run ? undefined : this.#innerOf(accepted);
        if (inner) inner.serve(socket, accepted);
        else this.#serve(socket, accepted, scope, agents);
      },
      serveAskpass: (socket, accepted) => this.#askpassServer.serve(socket, accepted, scope),
      end: () => this.#endRun(scope.run?.id),
    };
    if (scope.run) this.#runs.add(scope.run, added);
    return added;
  }

  #endRun(id: string | undefined): void {
    if (id === undefined) return;
    this.#runs.delete(id);
    this.#grants.endRun(id);
  }

  /**
   * Takes over control masters, and opens some.
   * @param outside the scope of clients that are in no run, and of the logins that the guard itself makes
   */
  async guardConnections(outside: AddedScope, report: (line: string) => void): Promise<Connections> {
    const folder = join(this.#options.folder, "control");
    ensurePrivateFolder(folder);
    this.#open.add(await this.#askpassServer.listen(askpassSocketOf(folder), outside.scope));
    this.#open.add(await listenPrivately(agentSocketOf(folder), outside.serve));
    this.#connections = new Connections({
      config: this.#options.config,
      broker: this.#broker,
      processes: this.#processes,
      destinations: this.#masterDestinations,
      logins: this.#logins,
      runOf: (caller) => caller && this.#runs.of(caller)?.scope,
      scopeOf: (caller, scope) => this.#runs.scopeOf(caller, scope),
      outside: outside.scope,
      report,
      askpass: this.#askpassServer,
      folder,
      environment: this.#options.environment,
    });
    return this.#connections;
  }

  /** Loads and connects what the first question would wait for. */
  warmUp(): void {
    if (this.isClosing) return;
    void this.#lockSignals.listen();
    for (const approver of this.#approvers.approvers)
      if (this.#options.config.approvers.includes(approver.kind)) void approver.warmUp?.();
  }

  #innerOf(accepted: Accepted): AddedScope | undefined {
    if (this.#runs.size === 0) return undefined;
    try {
      return this.#runs.of(this.peer(accepted).identify());
    } catch (error) {
      if (error instanceof ProcessGone) return undefined; // what it asks for is denied
      throw error;
    }
  }

  get paths(): Paths {
    return this.#options.paths;
  }

  /**
   * Who is asked for what the guard's own ssh wants to know, after the terminal of whoever wanted the
   * connection.
   */
  get prompters(): readonly Prompter[] {
    return this.#approvers.prompters;
  }

  pending(): Question[] {
    return this.#questions.pending();
  }

  answer(id: string, answer: Answer): boolean {
    return this.#questions.answer(id, answer);
  }

  /** Closes the listener together with the guard. */
  closeWith(listener: Listener): void {
    this.#open.add(listener);
  }

  /** Names of the agents that hold the keys. */
  get upstreams(): string[] {
    return this.#agents.addresses().map(({ name }) => name);
  }

  get grants(): GrantFacts[] {
    return this.#grants.list();
  }

  /**
   * Forgets the answers whose id begins so; without it all of them, as when the screen is locked or the
   * machine goes to sleep.
   * @returns how many
   */
  forget(prefix?: string): number {
    if (!prefix) this.#broker.forget();
    return this.#grants.forget(prefix);
  }

  get isLocked(): boolean {
    return this.#lock.isOn;
  }

  /** Denies everything until unlock(), and forgets all answers. */
  lock(): { forgotten: number; denied: number } {
    this.#lock.turnOn();
    const forgotten = this.forget();
    const denied = this.#questions.pending().length;
    this.#questions.withdraw("muxguard was locked");
    return { forgotten, denied };
  }

  unlock(): { forgotten: number; denied: number } {
    this.#lock.turnOff();
    return { forgotten: 0, denied: 0 };
  }

  get runs(): number {
    return this.#runs.size;
  }

  /** What is inside of a run, be it another guard's, may not control the guard. */
  isInRun(caller: Caller): boolean {
    return this.#runs.isInside(caller);
  }

  /** Logs that what is guarded wanted to control the guard. */
  refuseControl(caller: Caller, operation: ControlOperation, reason: string): void {
    const asker = { caller, isUnchanged: () => true, gone: new AbortController().signal, tells: true };
    this.#broker.refuse(controlOf(operation), asker, { report: () => {} }, { what: "inside", reason });
  }

  /** Logs that somebody else did. @throws Error if the log can't be written */
  recordControl(caller: Caller, operation: ControlOperation): void {
    const request = controlOf(operation);
    const by = { decision: "allow", by: "default", reason: "asked for outside of any run" } as const;
    this.#log.append(auditEvent({ time: new Date(), id: newId(), request, caller, waitedMs: 0, ...by }));
  }

  /** The process at the other end of a connection to one of the guard's sockets. */
  peer(accepted: Accepted): Peer {
    return new Peer(accepted, this.#processes);
  }

  async close(): Promise<void> {
    this.isClosing = true;
    await this.#connections?.close();
    await Promise.all([...this.#open].map((scope) => scope.close()));
    await Promise.all([this.#desktop.close(), this.#lockSignals.close()]);
    this.#agents.close();
    this.#processes.close();
    this.#log.close();
  }

  #serve(socket: Socket, accepted: Accepted, scope: Scope, { addresses, keyNames }: Agents): void {
    const { upstreamTimeout } = this.#options.config;
    const timeouts = { answer: upstreamTimeout, person: Math.max(PERSON_TIMEOUT, upstreamTimeout) };
    new AgentConnection(socket, {
      broker: this.#broker,
      scope: this.#runs.scopeOfClient(scope),
      upstream: createUpstream(addresses, timeouts),
      keyNames,
      route: agentRoute(this.#sessions, this.#destinations, this.#logins),
      client: this.peer(accepted),
    });
  }
}

function controlOf(operation: ControlOperation): Request {
  return { kind: "admin", operation, path: [], forwarded: false };
}

/**
 * The guard, put together: the one place where its parts are made and wired. `muxguard daemon` runs one for the login session, and
 * `muxguard run` one for its command where no daemon runs.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Approver } from "../approver/approver.ts";
import { createAskpassApprover } from "../approver/askpass.ts";
import { createAskpassPrompter } from "../approver/askpass-prompt.ts";
import { inTurn } from "../approver/in-turn.ts";
import { createNotificationApprover } from "../approver/notification.ts";
import type { Prompter } from "../approver/prompter.ts";
import { auditEvent } from "../audit/event.ts";
import { AuditLog } from "../audit/log.ts";
import { AgentConnection } from "../guard/agent-connection.ts";
import { Broker } from "../guard/broker.ts";
import { KeyNames } from "../guard/key-names.ts";
import { Questions } from "../guard/questions.ts";
import type { Run, Scope } from "../guard/scope.ts";
import { type AgentAddress, createUpstream } from "../guard/upstream.ts";
import { createDestinationResolver } from "../identity/destination.ts";
import { HostIdentifier } from "../identity/host-identity.ts";
import { Logins } from "../identity/logins.ts";
import { MasterDestinations } from "../identity/master-destination.ts";
import { SessionRegistry } from "../identity/session-registry.ts";
import { SshConfigs } from "../identity/ssh-config.ts";
import { sessionBusSocket, systemBusSocket } from "../platform/bus-address.ts";
import { createDesktop, type OpenDesktop } from "../platform/desktop.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/listener.ts";
import { type LockSignals, onLockOrSleep } from "../platform/lock-signals.ts";
import { Peer } from "../platform/peer.ts";
import { type PrivateAgent, startPrivateAgent } from "../platform/private-agent.ts";
import { ensurePrivateFolder } from "../platform/private-folder.ts";
import { ProcessTable } from "../platform/process.ts";
import { protectProcess } from "../platform/protect.ts";
import { isInRun } from "../platform/run-holder.ts";
import { keepHeapSmall } from "../platform/small-heap.ts";
import { Grants } from "../policy/grants.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Caller } from "../policy/request.ts";
import { agentRoute } from "./agent-route.ts";
import type { Config } from "./config.ts";
import { Connections } from "./connections.ts";
import { Notices } from "./notices.ts";
import { agentSocketOf, promptSocketOf } from "./opening.ts";
import type { Paths } from "./paths.ts";
import type { PolicySource } from "./policy-files.ts";
import { Prompts } from "./prompts.ts";

/** How long an upstream agent may take for what a person has to do, in milliseconds: a touch, a PIN, `ssh-add -c`. */
const PERSON_TIMEOUT = 120_000;

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
  close(): Promise<void>;
}

export interface AddedScope {
  readonly scope: Scope;
  serve(socket: Socket, accepted: Accepted): void;
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
  readonly #log: AuditLog;
  readonly #processes = new ProcessTable();
  readonly #grants = new Grants(() => performance.now());
  readonly #questions: Questions;
  readonly #keyNames = new KeyNames();
  readonly #sessions = new SessionRegistry();
  readonly #logins = new Logins();
  readonly #destinations: ReturnType<typeof createDestinationResolver>;
  readonly #masterDestinations: MasterDestinations;
  readonly #broker: Broker;
  readonly #desktop: OpenDesktop;
  readonly #approvers: readonly Approver[];
  readonly #runs = new Map<string, Scope & { run: Run }>();
  readonly #open = new Set<{ close(): Promise<void> }>();
  #privateAgent: PrivateAgent | undefined;
  #connections: Connections | undefined;
  #lockSignals: LockSignals | undefined;

  private constructor(options: GuardOptions) {
    const { config, paths, environment } = options;
    this.#options = options;
    this.#log = new AuditLog(paths.log, config.syncLog);
    const configs = new SshConfigs(config.sshConfig === undefined ? {} : { file: config.sshConfig });
    const hosts = new HostIdentifier({}, configs);
    this.#destinations = createDestinationResolver({}, hosts);
    this.#masterDestinations = new MasterDestinations(configs, hosts);
    this.#desktop = createDesktop(environment, (pid) => this.#isOutside(pid));
    this.#approvers = [createNotificationApprover(this.#desktop), inTurn(createAskpassApprover(environment))];
    this.#questions = new Questions(() => {
      this.#watchLocks();
      options.onQuestion?.();
    });
    const now = (): number => performance.now();
    const notices = new Notices({ patterns: config.notices, desktop: this.#desktop, now });
    this.#broker = new Broker({
      record: (decided) => {
        this.#log.append(auditEvent(decided));
        notices.decided(decided);
      },
      grants: this.#grants,
      questions: this.#questions,
      settings: { remember: config.remember, timeout: config.timeout, yes: config.yes },
      now,
    });
  }

  /** @throws Error if the private agent does not start */
  static async start(options: GuardOptions): Promise<Guard> {
    protectProcess();
    keepHeapSmall();
    ensurePrivateFolder(options.folder);
    const guard = new Guard(options);
    if (options.config.upstreamAgents.includes("private")) {
      guard.#privateAgent = await startPrivateAgent(options.folder);
    }
    return guard;
  }

  /** Listens on an agent socket of the scope's own. @throws SettingsError for a broken policy */
  async openScope(options: ScopeOptions): Promise<OpenScope> {
    await options.policy.load();
    const scope = this.addScope(options);
    const name = options.run ? `${randomBytes(6).toString("hex")}.sock` : "agent.sock";
    const listener = await listenPrivately(join(this.#options.folder, name), scope.serve);
    const opened: OpenScope = {
      ...scope,
      agentSocket: listener.path,
      close: async () => {
        this.#open.delete(opened);
        scope.end();
        await listener.close();
      },
    };
    this.#open.add(opened);
    return opened;
  }

  /** A scope whose connections somebody else accepts. Its policy must be loaded. */
  addScope({ run, policy, approvers = [], upstream, report }: ScopeOptions): AddedScope {
    const { config, holdsQuestions } = this.#options;
    const all = [...approvers, ...this.#approvers];
    const scope: Scope = {
      ...(run && { run: { id: randomBytes(6).toString("hex"), ...run } }),
      policy: () => policy.current(),
      approvers: config.approvers.flatMap((kind) => all.filter((approver) => approver.kind === kind)),
      queue: !config.approvers.includes("queue") ? "closed" : holdsQuestions ? "holds" : "answers",
      report,
    };
    const agents: Agents = {
      addresses: this.#addresses(upstream),
      // another agent may list the same keys under other comments
      keyNames: upstream === undefined ? this.#keyNames : new KeyNames(),
    };
    if (scope.run) this.#runs.set(scope.run.id, { ...scope, run: scope.run });
    return {
      scope,
      serve: (socket, accepted) => this.#serve(socket, accepted, scope, agents),
      end: () => this.#endRun(scope.run?.id),
    };
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
    const prompts = new Prompts(this.#processes);
    await prompts.listen(promptSocketOf(folder));
    this.#open.add(prompts);
    this.#open.add(await listenPrivately(agentSocketOf(folder), outside.serve));
    this.#connections = new Connections({
      config: this.#options.config,
      broker: this.#broker,
      processes: this.#processes,
      destinations: this.#masterDestinations,
      logins: this.#logins,
      runOf: (caller) => this.#runOf(caller),
      outside: outside.scope,
      report,
      prompts,
      folder,
      environment: this.#options.environment,
    });
    return this.#connections;
  }

  /** The innermost run that the process is in: its descendants keep the run's holder among their ancestors, which adopts orphans. */
  #runOf(caller: Caller | undefined): Scope | undefined {
    const runs = [...this.#runs.values()];
    const holder = caller?.ancestors.find(({ pid }) => runs.some(({ run }) => run.pid === pid));
    return runs.find(({ run }) => run.pid === holder?.pid);
  }

  /** From the first question on: before it there is no approval to forget. */
  #watchLocks(): void {
    const { environment } = this.#options;
    const [system, session] = [systemBusSocket(environment), sessionBusSocket(environment)];
    const uid = userInfo().uid;
    this.#lockSignals ??= onLockOrSleep({ system, session, uid }, () => this.#grants.clear());
  }

  /** Whether a process is there, and in no run. */
  #isOutside(pid: number): boolean {
    try {
      return !this.isInRun(this.#processes.read(pid));
    } catch {
      return false;
    }
  }

  get paths(): Paths {
    return this.#options.paths;
  }

  /** The user's own SSH_ASKPASS. */
  get prompter(): Prompter {
    return createAskpassPrompter(this.#options.environment);
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
    return this.#addresses().map(({ name }) => name);
  }

  get grants(): number {
    return this.#grants.size;
  }

  get runs(): number {
    return this.#runs.size;
  }

  /** What is inside of a run, be it another guard's, may not control the guard. */
  isInRun(caller: Caller): boolean {
    return isInRun(caller, new Set([...this.#runs.values()].map(({ run }) => run.pid)));
  }

  /** The process at the other end of a connection to one of the guard's sockets. */
  peer(accepted: Accepted): Peer {
    return new Peer(accepted, this.#processes);
  }

  async close(): Promise<void> {
    await this.#connections?.close();
    await Promise.all([...this.#open].map((scope) => scope.close()));
    await Promise.all([this.#desktop.close(), this.#lockSignals?.close()]);
    this.#privateAgent?.close();
    this.#processes.close();
    this.#log.close();
  }

  #addresses(upstream?: string): AgentAddress[] {
    const { config, environment } = this.#options;
    const usual = environment.SSH_AUTH_SOCK ? [environment.SSH_AUTH_SOCK] : [];
    const configured = config.upstreamAgents.length > 0 ? config.upstreamAgents : usual;
    const paths = upstream === undefined ? configured : [upstream];
    return paths.map((path) => {
      if (path === "private" && this.#privateAgent) return this.#privateAgent;
      if (path === join(this.#options.folder, "agent.sock")) {
        throw new Error(
          `the upstream agent ${path} is muxguard's own socket; set upstream_agent in config.toml`,
        );
      }
      return { name: path, connect: () => connect(path) };
    });
  }

  #serve(socket: Socket, accepted: Accepted, scope: Scope, { addresses, keyNames }: Agents): void {
    const { upstreamTimeout } = this.#options.config;
    const timeouts = { answer: upstreamTimeout, person: Math.max(PERSON_TIMEOUT, upstreamTimeout) };
    new AgentConnection(socket, {
      broker: this.#broker,
      scope,
      upstream: createUpstream(addresses, timeouts),
      keyNames,
      route: agentRoute(this.#sessions, this.#destinations, this.#logins),
      client: this.peer(accepted),
    });
  }
}

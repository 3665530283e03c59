/** A guard's parts, made and wired. What is running of them, guard.ts holds. */
import { userInfo } from "node:os";
import { join } from "node:path";
import { KeyNames } from "../../guard/agent/key-names.ts";
import { createDestinationResolver } from "../../identity/destination.ts";
import { HostIdentifier } from "../../identity/hosts/host-identity.ts";
import { Logins } from "../../identity/logins.ts";
import { MasterDestinations } from "../../identity/master-destination.ts";
import { SessionRegistry } from "../../identity/session-registry.ts";
import { SshConfigs } from "../../identity/ssh/configs.ts";
import { sessionBusSocket, systemBusSocket } from "../../platform/dbus/bus-address.ts";
import { type LockSignals, onLockOrSleep } from "../../platform/dbus/lock-signals.ts";
import { bootTime } from "../../platform/libc/clock.ts";
import { sessionEnd } from "../../platform/proc/login-session.ts";
import { Scopes } from "../../runs/scopes.ts";
import type { Config } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { AgentServer } from "../agent-server.ts";
import { AskpassServer } from "../askpass-server.ts";
import { logEvent } from "../control-log.ts";
import { Notices } from "../notices.ts";
import { UpstreamAgents } from "../upstream-agents.ts";
import { Alarms } from "../watch/alarms.ts";
import { composeDeciding, type Deciding } from "./deciding.ts";
import { composeWays, type Ways } from "./ways.ts";

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
  /** Tells whoever started it. One line, without a newline. */
  report: (line: string) => void;
  /** Called when a question comes up. */
  onQuestion?: () => void;
}

export interface GuardParts extends Deciding {
  ways: Ways;
  alarms: Alarms;
  scopes: Scopes;
  agents: UpstreamAgents;
  agentServer: AgentServer;
  askpassServer: AskpassServer;
  logins: Logins;
  masterDestinations: MasterDestinations;
  lockSignals: LockSignals;
  /** Forgets the answers whose id begins so; without it all of them. @returns how many */
  forget(prefix?: string): number;
}

export function composeGuard(options: GuardOptions): GuardParts {
  const { config, environment, folder } = options;
  const deciding = composeDeciding({
    ...options,
    now: bootTime,
    gatherFor: GATHER_FOR,
    sessionEnd,
    onOpen: () => {
      // from the first question on, at the latest: before it there is no approval to forget
      void lockSignals.listen();
      options.onQuestion?.();
    },
    // the way by which a question is answered is the one by which it is unlocked
    onLocked: () => options.onQuestion?.(),
    decided: (decided) => notices.decided(decided),
  });
  const { broker, grants, processes } = deciding;
  const scopes = new Scopes(processes);
  const outside = (pid: number) => scopes.outside(pid);
  const ways = composeWays({ environment, config, folder: join(folder, "popup"), outside });
  const notices = new Notices({ patterns: config.notices, desktop: ways.desktop.notices, now: bootTime });
  const forget = (prefix?: string): number => {
    if (!prefix) broker.forget();
    return grants.forget(prefix);
  };
  const lockSignals = listenForLocks(environment, () => forget());
  const alarms = new Alarms({
    record: (event, reason) => logEvent(deciding.log, event, reason),
    reports: () => [options.report, ...scopes.reports()],
    show: (text) => notices.tell(text),
  });
  return {
    ...deciding,
    ways,
    alarms,
    scopes,
    lockSignals,
    forget,
    ...composeServers(options, deciding, scopes),
  };
}

/** What serves the clients of the guard's sockets, and what it knows of where they go. */
function composeServers(
  { config, environment, folder }: GuardOptions,
  { broker, processes }: Deciding,
  scopes: Scopes,
): Pick<GuardParts, "agents" | "agentServer" | "askpassServer" | "logins" | "masterDestinations"> {
  const configs = new SshConfigs(config.sshConfig === undefined ? {} : { file: config.sshConfig });
  const hosts = new HostIdentifier({}, configs);
  const logins = new Logins();
  const agents = new UpstreamAgents(config.upstreamAgents, environment, folder);
  const agentServer = new AgentServer({
    broker,
    processes,
    scopes,
    logins,
    sessions: new SessionRegistry(),
    destinations: createDestinationResolver({}, hosts),
    agents,
    keyNames: new KeyNames(),
    upstreamTimeout: config.upstreamTimeout,
  });
  const askpassServer = new AskpassServer({
    processes,
    broker,
    decidedBy: (caller, socket) => scopes.decidedBy(caller, socket),
    asksOnTerminals: config.approvers.includes("terminal"),
  });
  return {
    agents,
    agentServer,
    askpassServer,
    logins,
    masterDestinations: new MasterDestinations(configs, hosts),
  };
}

function listenForLocks(environment: NodeJS.ProcessEnv, locked: () => void): LockSignals {
  const buses = {
    system: () => systemBusSocket(environment),
    session: () => sessionBusSocket(environment),
    uid: userInfo().uid,
  };
  return onLockOrSleep(buses, locked);
}

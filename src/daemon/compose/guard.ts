/** A guard's parts, made and wired. What is running of them, guard.ts holds. */
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Member, MemberParts } from "../../fleet/member.ts";
import { KeyNames } from "../../guard/agent/key-names.ts";
import { createDestinationResolver } from "../../identity/destination.ts";
import { GitAskers } from "../../identity/git/askers.ts";
import { HostIdentifier } from "../../identity/hosts/host-identity.ts";
import { Logins } from "../../identity/logins.ts";
import { MasterDestinations } from "../../identity/master-destination.ts";
import { SessionRegistry } from "../../identity/session-registry.ts";
import { SshConfigs } from "../../identity/ssh/configs.ts";
import { sessionBusSocket, systemBusSocket } from "../../platform/dbus/bus-address.ts";
import { type LockSignals, onLockOrSleep } from "../../platform/dbus/lock-signals.ts";
import type { ScreenListener } from "../../platform/dbus/screen-state.ts";
import { environmentOf, viewOf } from "../../platform/files/process-view.ts";
import { bootTime } from "../../platform/libc/clock.ts";
import { sessionEnd } from "../../platform/proc/login-session.ts";
import { isProcess } from "../../platform/proc/process.ts";
import { sshImage } from "../../platform/proc/ssh-process.ts";
import type { InheritedSockets } from "../../platform/sockets/inherited.ts";
import type { Grants } from "../../policy/grants.ts";
import type { Caller } from "../../policy/request.ts";
import { Scopes } from "../../runs/scopes.ts";
import type { Config } from "../../settings/config.ts";
import type { Paths } from "../../settings/paths.ts";
import { AgentServer } from "../agent-server.ts";
import { AskpassServer } from "../askpass-server.ts";
import { Claims } from "../claims.ts";
import { logEvent, logFleet } from "../control-log.ts";
import { Notices } from "../notices.ts";
import { createPast } from "../past/past.ts";
import type { Suggestions } from "../past/suggestions.ts";
import { openPlaces, type SecondPlaces } from "../second-place/places.ts";
import { UpstreamAgents } from "../upstream/agents.ts";
import { Alarms } from "../watch/alarms.ts";
import { FaultLog } from "../watch/fault-log.ts";
import { Findings } from "../watch/findings.ts";
import { tellOfRefused } from "../watch/refused.ts";
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
  /** Sockets of its folder that listen already. */
  inherited?: Pick<InheritedSockets, "descriptor">;
  /** This machine among others. The guard starts it, and whoever made it closes it with the guard. */
  fleet?: Member;
  /** Tells whoever started it. One line, without a newline. */
  report: (line: string) => void;
  /** Called when a question comes up. */
  onQuestion?: () => void;
  /** The clock by which answers age, in milliseconds; the system's since its start if not given. */
  now?: () => number;
}

interface Told {
  fleet: Pick<MemberParts, "changed" | "refused">;
  findings: Findings;
  /** @param fault in words that follow the agent's name; undefined where there is none any more */
  agentChanged(name: string, fault: string | undefined): void;
  close(): void;
}

export interface GuardParts extends Deciding {
  ways: Ways;
  told: Told;
  alarms: Alarms;
  scopes: Scopes;
  agents: UpstreamAgents;
  agentServer: AgentServer;
  askpassServer: AskpassServer;
  logins: Logins;
  masterDestinations: MasterDestinations;
  hosts: HostIdentifier;
  suggestions: Suggestions;
  secondPlaces: SecondPlaces;
  lockSignals: LockSignals;
  /** Forgets the answers whose id begins so; without it all of them. @returns how many */
  forget(prefix?: string): number;
}

export function composeGuard(options: GuardOptions): GuardParts {
  const { config, environment, folder, now = bootTime } = options;
  const reasons = new Claims("MUXGUARD_REASON", environmentOf);
  const past = createPast(options);
  const deciding = composeDeciding({
    ...options,
    now,
    gatherFor: GATHER_FOR,
    sessionEnd,
    past,
    processEnd: (process) => () => !isProcess(process.pid, process.startTime),
    reasonOf: (caller) => reasons.of(caller),
    onOpen: () => {
      // from the first question on, at the latest: before it there is no approval to forget
      void lockSignals.listen();
      options.onQuestion?.();
    },
    // the way by which a question is answered is the one by which it is unlocked
    onLocked: () => options.onQuestion?.(),
    decided: (decided) => notices.decided(decided),
    written: (event, json) => secondPlaces.written(event, json),
  });
  const { broker, grants, processes } = deciding;
  const secondPlaces = openPlaces(config.logTo, (name, fault) =>
    told.findings.set(`log_to ${name}`, fault && `log_to: ${fault}`),
  );
  const scopes = new Scopes(processes);
  const outside = (pid: number) => scopes.outside(pid);
  const tmux = new Claims("TMUX", environmentOf);
  const serverOf = async (caller: Caller) => (await tmux.of(caller))?.split(",")[0];
  const ways = composeWays({
    ...{ environment, config, folder: join(folder, "popup"), outside, serverOf },
    ...(options.fleet && { more: [options.fleet.approver] }),
  });
  const notices = new Notices({ patterns: () => config.notices, desktop: ways.desktop.notices, now });
  const forget = (prefix?: string): number => {
    if (!prefix) broker.forget();
    return grants.forget(prefix);
  };
  const lockSignals = listenForLocks(environment, screenListener(config, grants, forget));
  const told = composeTold(deciding);
  options.fleet?.start({
    ...told.fleet,
    taken: (what, isStricter) => {
      logFleet(deciding.log, what, isStricter);
      told.findings.set("fleet policy", undefined);
    },
    revoked: () => forget(),
  });
  const alarms = new Alarms({
    record: (event, reason) => logEvent(deciding.log, event, reason),
    reports: () => [options.report, ...scopes.reports()],
    show: (text) => notices.tell(text),
  });
  return {
    ...deciding,
    ways,
    told,
    alarms,
    scopes,
    suggestions: past.suggestions,
    secondPlaces,
    lockSignals,
    forget,
    ...composeServers(options, deciding, scopes, told),
  };
}

/** What is told although nobody's request is decided. */
function composeTold({ broker, processes }: Deciding): Told {
  const findings = new Findings();
  const faults = new FaultLog(broker);
  const refused = tellOfRefused(faults, findings, processes);
  return {
    findings,
    fleet: {
      changed: (fault) => findings.set("fleet", fault && `[fleet]: ${fault}`),
      refused: (what, reason) => {
        if (what === "fleet-policy") findings.set("fleet policy", `[fleet]: ${reason}`);
        faults.note(what, "fleet", reason);
      },
    },
    agentChanged: (name, fault) => {
      const words = fault === undefined ? undefined : `the upstream agent ${name} ${fault}`;
      findings.set(`agent ${name}`, words && `${words} (muxguard upstream PATH points to another one)`);
      if (words) faults.note("use-upstream", "upstream", words);
    },
    close: () => {
      refused.close();
      faults.close();
    },
  };
}

/** What serves the clients of the guard's sockets, and what it knows of where they go. */
function composeServers(
  { config, environment, folder }: GuardOptions,
  { broker, processes }: Deciding,
  scopes: Scopes,
  { agentChanged: changed }: Told,
): Pick<GuardParts, "agents" | "agentServer" | "askpassServer" | "logins" | "masterDestinations" | "hosts"> {
  const configs = new SshConfigs(config.sshConfig === undefined ? {} : { file: config.sshConfig });
  const hosts = new HostIdentifier({}, configs);
  const logins = new Logins(sshImage);
  const keyNames = new KeyNames();
  const agents = new UpstreamAgents(config.upstreamAgents, environment, folder, {
    processes,
    changed,
    pointed: () => keyNames.forget(),
  });
  const agentServer = new AgentServer({
    broker,
    processes,
    scopes,
    logins,
    git: new GitAskers(viewOf),
    sessions: new SessionRegistry({ isAlive: isProcessKey }),
    destinations: createDestinationResolver({}, hosts),
    agents,
    keyNames,
    upstreamTimeout: () => config.upstreamTimeout,
  });
  const askpassServer = new AskpassServer({
    processes,
    broker,
    decidedBy: (caller, socket) => scopes.decidedBy(caller, socket),
    asksOnTerminals: config.approvers.includes("terminal"),
    decisionAbout: (fingerprint, asking) => agents.decisionAbout(fingerprint, asking),
  });
  return {
    agents,
    agentServer,
    askpassServer,
    logins,
    masterDestinations: new MasterDestinations(configs, hosts),
    hosts,
  };
}

/** As processKey() has it. */
function isProcessKey(key: string): boolean {
  const [pid, startTime = ""] = key.split(" ");
  return isProcess(Number(pid), startTime);
}

function listenForLocks(environment: NodeJS.ProcessEnv, listener: ScreenListener): LockSignals {
  const buses = {
    system: () => systemBusSocket(environment),
    session: () => sessionBusSocket(environment),
    uid: userInfo().uid,
  };
  return onLockOrSleep(buses, listener);
}

/** What was approved at the screen counts for whoever unlocks it again, unless that can't be said. */
function screenListener(config: Config, grants: Grants, forget: () => void): ScreenListener {
  const lost = (): void => {
    forget();
    grants.resume();
  };
  // as it says by then; what was suspended before a change is resumed in any case
  const locked = (): void => (config.onLock === "forget" ? forget() : grants.suspend());
  return { locked, unlocked: () => grants.resume(), lost };
}

/** What the daemon does for muxguard's own commands: status, pending questions, answers, and runs. */

import type { Socket } from "node:net";
import { join } from "node:path";
import { inTurn } from "../approver/in-turn.ts";
import type { Prompter } from "../approver/prompter.ts";
import { messageOf } from "../errors.ts";
import type { Member } from "../fleet/member.ts";
import type { Connections } from "../masters/connections.ts";
import type { Peer } from "../platform/proc/peer.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/sockets/listener.ts";
import { visible } from "../policy/visible.ts";
import { RpcError } from "../rpc/connection.ts";
import { type OpenRun, SETTINGS_ERROR } from "../rpc/requests.ts";
import { type ClientConnection, serve, serveClient, turnAwayClient } from "../rpc/serving.ts";
import { Rides, rideName } from "../runs/ride/server.ts";
import { filePolicy, type PolicySource } from "../settings/policy-files.ts";
import { toStderr } from "../to-stderr.ts";
import { serveConfined } from "./confined.ts";
import { type FromOutside, whyNoControl } from "./from-outside.ts";
import type { Guard } from "./guard.ts";
import type { OpenScope } from "./opened.ts";
import { remotePrompter, remoteTerminal } from "./remote-terminal.ts";
import { type Service, serveService } from "./service/service.ts";
import { unreached } from "./status/reach.ts";
import { statusOf } from "./status/status.ts";
import { broughtBy, serveUpstream } from "./upstream/rpc.ts";

/** The most that one client may send in all, in bytes. Its requests and answers are short. */
const MAX_RECEIVED = 4 * 1024 * 1024;

export interface RpcServerOptions {
  guard: Guard;
  path: string;
  /** The login session's own agent socket, if the guard has one. */
  agentSocket?: string;
  /** The user's policy, for runs without one of their own; undefined where runs can't be opened. */
  policy?: PolicySource;
  /** Undefined where masters can't be guarded. */
  connections?: Connections;
  /** Undefined where config.toml has no [fleet]. */
  fleet?: Member | undefined;
  /** Undefined for the guard of one run, which ends with it. */
  service?: Service;
}

export function serveRpc(options: RpcServerOptions): Promise<Listener> {
  const inherited = options.service?.inherited.descriptor(options.path);
  return listenPrivately(options.path, (socket, accepted) => serveOne(socket, accepted, options), {
    inherited,
    whose: "commands",
    turnAway: turnAwayClient,
  });
}

function serveOne(socket: Socket, accepted: Accepted, options: RpcServerOptions): void {
  const { guard, policy, connections, service } = options;
  const peer = guard.peer(accepted);
  // who asks is read at each request: a process that was outside of a run may be inside by now
  const fromOutside: FromOutside = (operation) => {
    const caller = peer.identify();
    const reason = whyNoControl(caller, guard.isInRun(caller));
    if (reason === undefined) return caller;
    if (operation) guard.refuseControl(caller, operation, reason);
    throw new Error(`refused: ${reason}`);
  };
  serveClient(socket, MAX_RECEIVED, (connection) => {
    serveQuestions(connection, options, fromOutside);
    serveForgetting(connection, guard, fromOutside);
    serveRuns(connection, options, fromOutside);
    if (service) serveService(connection, { guard, service, connections }, fromOutside);
    if (policy) serveUpstream(connection, guard, fromOutside);
    if (connections && policy)
      serveConnections(connection, { guard, connections, policy, peer, fromOutside });
  });
}

function serveQuestions(
  connection: ClientConnection,
  options: RpcServerOptions,
  fromOutside: FromOutside,
): void {
  const { guard } = options;
  serve(connection, "status", async () => {
    fromOutside();
    return statusOf(options);
  });
  serve(connection, "reach", async () => (await unreached(guard.reach, fromOutside())) ?? null);
  serve(connection, "pending", (purpose) => {
    fromOutside(purpose ?? undefined);
    return guard.questions.pending();
  });
  serve(connection, "answer", ({ id, answer }) => {
    fromOutside(answer.decision === "allow" ? "approve" : "deny");
    return guard.questions.answer(id, answer);
  });
}

function serveForgetting(connection: ClientConnection, guard: Guard, fromOutside: FromOutside): void {
  serve(connection, "grants", (purpose) => {
    fromOutside(purpose ?? undefined);
    return guard.grants;
  });
  serve(connection, "forget", (id) => {
    const caller = fromOutside("forget");
    const forgotten = guard.forget(id);
    if (forgotten > 0) guard.recordControl(caller, "forget");
    return forgotten;
  });
  serve(connection, "lock", (on) => guard.setLock(on, fromOutside(on ? "lock-all" : "unlock-all")));
}

/** Opening runs. They end when whoever opened them goes away. */
function serveRuns(
  connection: ClientConnection,
  { guard, policy, connections }: RpcServerOptions,
  fromOutside: FromOutside,
): void {
  serve(connection, "openRun", async (run) => {
    const caller = fromOutside();
    if (!policy) throw new Error("this guard belongs to one run");
    const upstream = run.upstream ?? (await broughtBy(run, caller, guard));
    const scope = await openRun(guard, connection, { ...run, upstream }, caller.pid, policy);
    const starting =
      run.ride && connections ? startRides(guard, connections, scope, connection, run) : undefined;
    const rides = await starting?.catch(async (error: unknown) => {
      await scope.close();
      throw error;
    });
    const close = (): void => {
      Promise.all([scope.close(), rides?.close(guard.isClosing)]).catch((error: unknown) =>
        toStderr(`muxguard: the end of the run "${visible(run.name, 40)}": ${messageOf(error)}`),
      );
    };
    if (connection.gone.aborted) close();
    connection.gone.addEventListener("abort", close, { once: true });
    const { agentSocket, askpassSocket } = scope;
    const known = connections?.watched() ?? { watched: [] };
    const agents = guard.agents.paths();
    serveConfined(connection, caller.pid);
    return { agentSocket, askpassSocket, ...known, agents, ...(rides && { rideFolder: rides.folder }) };
  });
}

function startRides(
  guard: Guard,
  connections: Connections,
  { scope }: OpenScope,
  connection: ClientConnection,
  { terminal, confined }: OpenRun,
): Promise<Rides> {
  const folder = join(guard.paths.runtime, rideName(scope.run?.pid));
  const prompters = promptersOf(guard, connection, terminal, confined);
  return Rides.start({ connections, scope, prompters, folder });
}

interface Served {
  guard: Guard;
  connections: Connections;
  policy: PolicySource;
  peer: Peer;
  fromOutside: FromOutside;
}

/** Opening, ending and taking over masters: for the user, and nobody inside of a run. */
function serveConnections(connection: ClientConnection, served: Served): void {
  const { guard, connections, policy, peer, fromOutside } = served;
  const { gone } = connection;
  serve(connection, "open", async ({ host, options, controlPath, terminal }) => {
    const caller = fromOutside();
    const approvers = terminal ? [inTurn(remoteTerminal(connection))] : [];
    const { scope } = guard.addScope({
      policy,
      approvers,
      report: (line) => connection.notify("report", { line }),
    });
    const asker = { caller, gone, tells: true, isUnchanged: () => peer.isUnchanged(caller) };
    const prompters = promptersOf(guard, connection, terminal);
    return connections.open(options, host, { asker, scope, prompters }, controlPath);
  });
  serve(connection, "close", async ({ host }) => {
    fromOutside();
    const closed = await connections.end(host);
    if (!closed) throw new Error(`muxguard holds no connection to ${host} (muxguard status)`);
    return closed;
  });
  serve(connection, "adopt", async ({ path }) => {
    fromOutside();
    await connections.adopt(path);
    return null;
  });
}

async function openRun(
  guard: Guard,
  connection: ClientConnection,
  run: Omit<OpenRun, "upstream"> & { upstream: string | undefined },
  pid: number,
  userPolicy: PolicySource,
): Promise<OpenScope> {
  const report = (line: string): void => connection.notify("report", { line });
  const { name, upstream, confined, why } = run;
  const own = run.policy === undefined ? undefined : filePolicy(run.policy, guard.config);
  if (own) connection.gone.addEventListener("abort", () => guard.alarms.leavePolicy(own), { once: true });
  try {
    return await guard.openScope({
      run: { name, pid, ...(confined && { confined }), ...(why !== undefined && { why }) },
      ride: run.ride,
      policy: own ?? userPolicy,
      ...(upstream !== undefined && { upstream }),
      approvers: run.terminal ? [inTurn(remoteTerminal(connection))] : [],
      report,
    });
  } catch (error) {
    throw new RpcError(SETTINGS_ERROR, messageOf(error));
  }
}

/**
 * Who types what ssh wants to know: the terminal of whoever wanted the connection, if there is one, else whom
 * the guard asks.
 */
function promptersOf(
  guard: Guard,
  connection: ClientConnection,
  terminal: boolean,
  confined?: OpenRun["confined"],
): Prompter[] {
  return [...(terminal ? [remotePrompter(connection)] : []), ...guard.promptersFor(confined)];
}

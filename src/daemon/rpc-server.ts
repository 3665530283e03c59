/** What the daemon does for muxguard's own commands: status, pending questions, answers, and runs. */

import type { Socket } from "node:net";
import { join } from "node:path";
import * as v from "valibot";
import { type MessageConnection, ResponseError } from "vscode-jsonrpc/node.js";
import { inTurn } from "../approver/in-turn.ts";
import type { Prompter } from "../approver/prompter.ts";
import { messageOf } from "../errors.ts";
import type { Connections } from "../masters/connections.ts";
import type { Peer } from "../platform/proc/peer.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/sockets/listener.ts";
import type { Caller, ControlOperation } from "../policy/request.ts";
import { answerSchema, remotePrompter, remoteTerminal } from "../rpc/remote-terminal.ts";
import * as rpc from "../rpc/rpc.ts";
import { Rides, rideName } from "../runs/ride/server.ts";
import { filePolicy, type PolicySource } from "../settings/policy-files.ts";
import type { Guard, OpenScope } from "./guard.ts";

/** The most that one client may send in all, in bytes. Its requests and answers are short. */
const MAX_RECEIVED = 4 * 1024 * 1024;

const purposeSchema = v.nullable(v.picklist(["approve", "deny"]));

const INSIDE =
  "this process is inside of a muxguard run or of a container, and what is guarded can't control the guard";

/**
 * The process at the other end. What it wants is logged where it is refused. @throws for one that is inside
 * of a run
 */
type FromOutside = (operation?: ControlOperation) => Caller;

export interface RpcServerOptions {
  guard: Guard;
  path: string;
  /** The login session's own agent socket, if the guard has one. */
  agentSocket?: string;
  /** The user's policy, for runs without one of their own; undefined where runs can't be opened. */
  policy?: PolicySource;
  /** Undefined where masters can't be guarded. */
  connections?: Connections;
}

export function serveRpc(options: RpcServerOptions): Promise<Listener> {
  return listenPrivately(options.path, (socket, accepted) => serve(socket, accepted, options));
}

function serve(socket: Socket, accepted: Accepted, options: RpcServerOptions): void {
  const { guard, policy, connections } = options;
  const peer = guard.peer(accepted);
  // who asks is read at each request: a process that was outside of a run may be inside by now
  const fromOutside: FromOutside = (operation) => {
    const caller = peer.identify();
    if (!guard.isInRun(caller)) return caller;
    if (operation) guard.refuseControl(caller, operation, INSIDE);
    throw refused(`refused: ${INSIDE}`);
  };
  rpc.serveClient(socket, MAX_RECEIVED, (connection, gone) => {
    serveQuestions(connection, options, fromOutside);
    serveForgetting(connection, guard, fromOutside);
    serveRuns(connection, options, fromOutside, gone);
    if (connections && policy)
      serveConnections(connection, { guard, connections, policy, peer, fromOutside, gone });
  });
}

function serveQuestions(
  connection: MessageConnection,
  { guard, agentSocket, connections }: RpcServerOptions,
  fromOutside: FromOutside,
): void {
  connection.onRequest(rpc.statusRequest, async () => {
    fromOutside();
    const { runs, isLocked: locked } = guard;
    const counts = { runs, locked, grants: guard.grants.length, pending: guard.pending().length };
    return {
      pid: process.pid,
      upstream: guard.upstreams,
      masters: connections?.masters() ?? [],
      ...(agentSocket !== undefined && { agentSocket }),
      ...counts,
    };
  });
  connection.onRequest(rpc.pendingRequest, (purpose) => {
    fromOutside(v.parse(purposeSchema, purpose) ?? undefined);
    return guard.pending();
  });
  connection.onRequest(rpc.answerRequest, ({ id, answer }) => {
    fromOutside(answer.decision === "allow" ? "approve" : "deny");
    return guard.answer(id, v.parse(answerSchema, answer));
  });
}

function serveForgetting(connection: MessageConnection, guard: Guard, fromOutside: FromOutside): void {
  connection.onRequest(rpc.grantsRequest, (purpose) => {
    fromOutside(v.parse(v.nullable(v.literal("forget")), purpose) ?? undefined);
    return guard.grants;
  });
  connection.onRequest(rpc.forgetRequest, (id) => {
    const caller = fromOutside("forget");
    const forgotten = guard.forget(v.parse(v.string(), id));
    if (forgotten > 0) guard.recordControl(caller, "forget");
    return forgotten;
  });
  connection.onRequest(rpc.lockRequest, (on) => {
    const operation = on ? "lock-all" : "unlock-all";
    const caller = fromOutside(operation);
    const was = guard.isLocked;
    // what makes things stricter must not hang on the log
    if (!on && was) guard.recordControl(caller, operation);
    const changed = on ? guard.lock() : guard.unlock();
    if (on && !was) guard.recordControl(caller, operation);
    return { was, ...changed };
  });
}

/** Opening runs. They end when whoever opened them goes away. */
function serveRuns(
  connection: MessageConnection,
  { guard, policy, connections }: RpcServerOptions,
  fromOutside: FromOutside,
  gone: AbortSignal,
): void {
  connection.onRequest(rpc.openRunRequest, async (run) => {
    const { pid } = fromOutside();
    if (!policy) throw refused("this guard belongs to one run");
    const scope = await openRun(guard, connection, run, pid, policy);
    const starting =
      run.ride && connections ? startRides(guard, connections, scope, connection, run) : undefined;
    const rides = await starting?.catch(async (error: unknown) => {
      await scope.close();
      throw error;
    });
    const close = (): void => void Promise.all([scope.close(), rides?.close(guard.isClosing)]);
    if (gone.aborted) close();
    gone.addEventListener("abort", close, { once: true });
    const { agentSocket, askpassSocket } = scope;
    return { agentSocket, askpassSocket, ...(rides && { rideFolder: rides.folder }) };
  });
}

function startRides(
  guard: Guard,
  connections: Connections,
  { scope }: OpenScope,
  connection: MessageConnection,
  { terminal }: rpc.OpenRun,
): Promise<Rides> {
  const folder = join(guard.paths.runtime, rideName(scope.run?.pid));
  const prompters = promptersOf(guard, connection, terminal);
  return Rides.start({ connections, scope, prompters, folder });
}

interface Served {
  guard: Guard;
  connections: Connections;
  policy: PolicySource;
  peer: Peer;
  fromOutside: FromOutside;
  gone: AbortSignal;
}

/** Opening, ending and taking over masters: for the user, and nobody inside of a run. */
function serveConnections(connection: MessageConnection, served: Served): void {
  const { guard, connections, policy, peer, fromOutside, gone } = served;
  connection.onRequest(rpc.openRequest, async ({ host, options, controlPath, terminal }) => {
    const caller = fromOutside();
    const approvers = terminal ? [inTurn(remoteTerminal(connection))] : [];
    const { scope } = guard.addScope({ policy, approvers, report: (line) => rpc.tell(connection, line) });
    const asker = { caller, gone, tells: true, isUnchanged: () => peer.isUnchanged(caller) };
    const prompters = promptersOf(guard, connection, terminal);
    return told(() => connections.open(options, host, { asker, scope, prompters }, controlPath));
  });
  connection.onRequest(rpc.closeRequest, async ({ host }) => {
    fromOutside();
    const closed = await told(() => connections.end(host));
    if (!closed) throw refused(`muxguard holds no connection to ${host} (muxguard status)`);
    return closed;
  });
  connection.onRequest(rpc.adoptRequest, async ({ path }) => {
    fromOutside();
    await told(() => connections.adopt(path));
    return null;
  });
}

/** The words of an error reach the user. */
async function told<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw refused(messageOf(error));
  }
}

async function openRun(
  guard: Guard,
  connection: MessageConnection,
  run: rpc.OpenRun,
  pid: number,
  userPolicy: PolicySource,
): Promise<OpenScope> {
  const report = (line: string): void => rpc.tell(connection, line);
  const { name, upstream } = run;
  try {
    return await guard.openScope({
      run: { name, pid },
      policy: run.policy === undefined ? userPolicy : filePolicy(run.policy, guard.paths, report),
      ...(upstream !== undefined && { upstream }),
      approvers: run.terminal ? [inTurn(remoteTerminal(connection))] : [],
      report,
    });
  } catch (error) {
    throw new ResponseError(rpc.SETTINGS_ERROR, messageOf(error));
  }
}

/**
 * Who types what ssh wants to know: the terminal of whoever wanted the connection, if there is one, else whom
 * the guard asks.
 */
function promptersOf(guard: Guard, connection: MessageConnection, terminal: boolean): Prompter[] {
  return [...(terminal ? [remotePrompter(connection)] : []), ...guard.prompters];
}

function refused(reason: string): ResponseError<void> {
  return new ResponseError(1, reason);
}

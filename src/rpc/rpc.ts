/**
 * The daemon's own socket: JSON-RPC with the framing of vscode-jsonrpc. It belongs to the user and to nobody
 * inside a run: a guarded program that could approve its own requests would not be guarded.
 */
import { connect, type Socket } from "node:net";
import {
  createMessageConnection,
  type MessageConnection,
  NotificationType,
  RequestType,
  SocketMessageReader,
  SocketMessageWriter,
} from "vscode-jsonrpc/node.js";
import type { Prompt } from "../approver/prompter.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import type { GrantFacts } from "../policy/grants.ts";
import type { Answer, Question } from "../policy/question.ts";
import type { Request } from "../policy/request.ts";

export interface Status {
  pid: number;
  agentSocket?: string;
  upstream: string[];
  runs: number;
  grants: number;
  locked: boolean;
  pending: number;
  /** The control sockets that are guarded. */
  masters: GuardedMaster[];
}

/** What locking or unlocking changed. */
export interface Locking {
  /** Whether it was locked before. */
  was: boolean;
  /** How many answers were forgotten. */
  forgotten: number;
  /** How many questions were denied. */
  denied: number;
}

export interface OpenRun {
  name: string;
  /** Absolute; instead of the user's policy. */
  policy?: string;
  /** Absolute; instead of the daemon's upstream agent. */
  upstream?: string;
  /** Whether the run can ask on its terminal. */
  terminal: boolean;
  /** `--ride`: no agent, and connections through the guard alone. */
  ride: boolean;
}

export interface OpenedRun {
  agentSocket: string;
  /** For muxguard-askpass. */
  askpassSocket: string;
  /** For a ride: the folder with its programs. */
  rideFolder?: string;
}

export interface OpenMaster {
  host: string;
  /** Options for ssh. */
  options: string[];
  /** Where to listen; absent for what the user's own ssh configuration says. */
  controlPath?: string;
  /** Whether whoever opens it can be asked on a terminal. */
  terminal: boolean;
}

export interface OpenedMaster {
  path: string;
  /** True if it was open already. */
  already: boolean;
  /** The other paths of the same connection, if it has any. */
  shares?: string[];
}

export interface ClosedMaster {
  /** What was closed: a path, or a host. */
  path: string;
  /** Where the connection goes on. */
  remaining: string[];
}

export interface GuardedMaster {
  path: string;
  pid: number;
  origin: "opened" | "adopted";
}

/** From inside of a run, at a socket of its own. */
export interface RideRequest {
  destination: PlainDestination;
  purpose: Pick<Request, "command" | "subsystem" | "forward">;
}

/** What ssh, ssh-agent, git or sudo ask through muxguard-askpass. */
export interface AskpassQuestion {
  text: string;
  /** SSH_ASKPASS_PROMPT. */
  hint?: string;
  /** Whether muxguard-askpass can ask on the terminal of whoever runs it. */
  terminal: boolean;
}

/** "here": not a matter of the guard's, muxguard-askpass is to ask itself. */
export type AskpassAnswer = { answer: string } | { denied: string } | { here: "secret" | "text" | "notice" };

/** The way to a host: a control socket, and the file for `ssh -F` if the guard reads one. */
export const rideRequest = new RequestType<RideRequest, { path: string; sshConfig?: string }, void>("ride");
export const statusRequest = new RequestType<null, Status, void>("status");
/** The open questions; with what is wanted of them, which is logged where it is refused. */
export const pendingRequest = new RequestType<"approve" | "deny" | null, Question[], void>("pending");
/** Answers a question. True if there was one of that id. */
export const answerRequest = new RequestType<{ id: string; answer: Answer }, boolean, void>("answer");
/** The remembered answers; with what is wanted of them, which is logged where it is refused. */
export const grantsRequest = new RequestType<"forget" | null, GrantFacts[], void>("grants");
/** Forgets the answers whose id begins so; all of them for an empty one. Returns how many. */
export const forgetRequest = new RequestType<string, number, void>("forget");
/** Denies everything from here on, or no longer. */
export const lockRequest = new RequestType<boolean, Locking, void>("lock");
/** Opens a scope for a run. It ends with the connection. */
export const openRunRequest = new RequestType<OpenRun, OpenedRun, void>("openRun");
/** From the daemon to a run: ask on your terminal. */
export const askRequest = new RequestType<Question, Answer, void>("ask");
/** From muxguard-askpass, at the socket that MUXGUARD_PROMPTS names or the daemon's. */
export const askpassRequest = new RequestType<AskpassQuestion, AskpassAnswer, void>("askpass");
/** From the daemon to whoever opens a connection: what ssh wants to know. Null is a no. */
export const promptRequest = new RequestType<Prompt, string | null, void>("prompt");
/** Opens a master and listens in its place. It stays when the RPC connection ends. */
export const openRequest = new RequestType<OpenMaster, OpenedMaster, void>("open");
/**
 * Ends the masters that `open` opened for the host, and their sessions. A path ends its own sessions, and the
 * master if that has no other.
 */
export const closeRequest = new RequestType<{ host: string }, ClosedMaster, void>("close");
/** Takes over the master of a control socket, or those of a folder. */
export const adoptRequest = new RequestType<{ path: string }, null, void>("adopt");
/** From the daemon to a run: tell the user. */
export const reportNotification = new NotificationType<{ line: string }>("report");

/** An error that the other side gave a code, so that it can be told from others. */
export const SETTINGS_ERROR = 78;

function rpcConnection(socket: Socket): MessageConnection {
  const reader = new SocketMessageReader(socket);
  // else a timer would go on for ever, and the process with it, where the connection ends within a message
  reader.partialMessageTimeout = 0;
  return createMessageConnection(reader, new SocketMessageWriter(socket));
}

/**
 * Serves one client.
 *
 * @param most that it may send in all, in bytes: the reader takes any length that is announced to it
 * @param offer says what it may ask for. The signal is aborted when it went away
 */
export function serveClient(
  socket: Socket,
  most: number,
  offer: (connection: MessageConnection, gone: AbortSignal) => void,
): void {
  const gone = new AbortController();
  socket.on("error", () => socket.destroy());
  socket.on("close", () => gone.abort(new Error("the client went away")));
  const connection = rpcConnection(socket);
  offer(connection, gone.signal);
  connection.listen();
  socket.on("data", () => socket.bytesRead > most && socket.destroy());
}

/**
 * Connects to a guard; undefined if nobody listens there.
 * @param isGuard whether what listens there is one
 */
export function connectRpc(
  path: string,
  isGuard: (socket: Socket) => boolean = () => true,
): Promise<MessageConnection | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("error", () => resolve(undefined));
    // ended by us: a guard that was stopped does not close its side
    socket.once("finish", () => socket.destroy());
    socket.once("connect", () => {
      if (!isGuard(socket)) {
        socket.destroy();
        return resolve(undefined);
      }
      const connection = rpcConnection(socket);
      connection.listen();
      resolve(connection);
    });
  });
}

/** Asks a guard. @throws Error also if it ends before it has answered: vscode-jsonrpc would wait for ever */
export function request<P, R>(
  connection: MessageConnection,
  type: RequestType<P, R, void>,
  params: P,
): Promise<R> {
  return new Promise((resolve, reject) => {
    connection.onClose(() => reject(new Error("the guard has ended")));
    connection.sendRequest(type, params).then(resolve, reject);
  });
}

/** A run that is over has nobody to tell. */
export function tell(connection: MessageConnection, line: string): void {
  try {
    connection.sendNotification(reportNotification, { line }).catch(() => {});
  } catch {
    // the connection is closed
  }
}

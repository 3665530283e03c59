/**
 * The daemon's own socket: JSON-RPC with the framing of vscode-jsonrpc. It belongs to the user and to nobody inside a run: a guarded
 * program that could approve its own requests would not be guarded.
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
import type { Answer, Question } from "../policy/question.ts";

export interface Status {
  pid: number;
  agentSocket?: string;
  upstream: string[];
  runs: number;
  grants: number;
  pending: number;
}

export interface OpenRun {
  name: string;
  /** Absolute; instead of the user's policy. */
  policy?: string;
  /** Absolute; instead of the daemon's upstream agent. */
  upstream?: string;
  /** Whether the run can ask on its terminal. */
  terminal: boolean;
}

export const statusRequest = new RequestType<null, Status, void>("status");
export const pendingRequest = new RequestType<null, Question[], void>("pending");
/** Answers a question. True if there was one of that id. */
export const answerRequest = new RequestType<{ id: string; answer: Answer }, boolean, void>("answer");
/** Opens a scope for a run. It ends with the connection. */
export const openRunRequest = new RequestType<OpenRun, { agentSocket: string }, void>("openRun");
/** From the daemon to a run: ask on your terminal. */
export const askRequest = new RequestType<Question, Answer, void>("ask");
/** From the daemon to a run: tell the user. */
export const reportNotification = new NotificationType<{ line: string }>("report");

/** An error that the other side gave a code, so that it can be told from others. */
export const SETTINGS_ERROR = 78;

export function rpcConnection(socket: Socket): MessageConnection {
  const reader = new SocketMessageReader(socket);
  // else a timer would go on for ever, and the process with it, where the connection ends within a message
  reader.partialMessageTimeout = 0;
  return createMessageConnection(reader, new SocketMessageWriter(socket));
}

/** Connects to a guard; undefined if nobody listens there. */
export function connectRpc(path: string): Promise<MessageConnection | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("error", () => resolve(undefined));
    socket.once("finish", () => socket.destroy()); // ended by us: a guard that was stopped does not close its side
    socket.once("connect", () => {
      const connection = rpcConnection(socket);
      connection.listen();
      resolve(connection);
    });
  });
}

/**
 * One question to a guard: JSON-RPC with the framing of the Language Server Protocol, by hand.
 * vscode-jsonrpc, which speaks it at the other end, takes longer to load than all the rest.
 */
import { messageOf } from "../src/errors.ts";
import { connect, type Socket } from "node:net";
import type { Answer, Question } from "../src/policy/question.ts";
import type { AskpassAnswer, AskpassQuestion } from "../src/rpc/rpc.ts";

const OUR_ID = 1;

/** What a guard may send for one question, in bytes. */
const MAX_RECEIVED = 1024 * 1024;

interface Message {
  id?: number | string;
  method?: string;
  params?: unknown;
  result?: AskpassAnswer;
  error?: { message: string };
}

/**
 * @returns undefined if nobody listens there. @throws Error if the guard refuses, or ends before it has
 * answered
 */
export function askGuard(path: string, question: AskpassQuestion): Promise<AskpassAnswer | undefined> {
  const socket = connect(path);
  return new Promise((resolve, reject) => {
    const withdrawn = new AbortController();
    let connected = false;
    socket.once("connect", () => {
      connected = true;
      send(socket, { id: OUR_ID, method: "askpass", params: question });
    });
    socket.once("error", (error) => (connected ? reject(error) : resolve(undefined)));
    socket.once("close", () => {
      withdrawn.abort(new Error("this is no longer asked"));
      reject(new Error("the guard has ended"));
    });
    readMessages(socket, (message) => {
      if (message.method !== undefined) void serve(socket, message, withdrawn);
      else if (message.id === OUR_ID && message.error) reject(new Error(message.error.message));
      else if (message.id === OUR_ID && message.result) resolve(message.result);
    });
  }).finally(() => socket.destroy()) as Promise<AskpassAnswer | undefined>;
}

/** The guard asks on our terminal, and may withdraw that. */
async function serve(
  socket: Socket,
  { id, method, params }: Message,
  withdrawn: AbortController,
): Promise<void> {
  if (method === "$/cancelRequest") withdrawn.abort(new Error("this is no longer asked"));
  if (method !== "ask" || id === undefined) return;
  try {
    const { askOnTerminal } = await import("./own-terminal.ts");
    const { stopped } = await import("./stopped.ts");
    stopped.addEventListener("abort", () => socket.destroy()); // the guard would go on asking elsewhere
    const result: Answer = await askOnTerminal(params as Question, withdrawn.signal);
    send(socket, { id, result });
  } catch (error) {
    send(socket, { id, error: { code: 1, message: messageOf(error) } });
  }
}

function send(socket: Socket, message: object): void {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  if (!socket.destroyed) socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
}

function readMessages(socket: Socket, receive: (message: Message) => void): void {
  let pending = Buffer.alloc(0);
  const take = (): void => {
    for (let cut = firstMessage(pending); cut; cut = firstMessage(pending)) {
      pending = pending.subarray(cut.end);
      receive(JSON.parse(cut.body));
    }
  };
  socket.on("data", (more) => {
    pending = Buffer.concat([pending, more]);
    try {
      if (socket.bytesRead > MAX_RECEIVED) throw new Error("the guard says too much");
      take();
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error("the guard can't be understood"));
    }
  });
}

function firstMessage(bytes: Buffer): { body: string; end: number } | undefined {
  const start = bytes.indexOf("\r\n\r\n") + 4;
  const [, length] = /^Content-Length: (\d+)/im.exec(bytes.toString("latin1", 0, start)) ?? [];
  if (start < 4 || length === undefined || bytes.length < start + Number(length)) return undefined;
  const end = start + Number(length);
  return { body: bytes.toString("utf8", start, end), end };
}

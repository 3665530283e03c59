/**
 * What ssh asks while the guard opens a connection, brought to the person who wanted it. muxguard-askpass is the program that ssh runs for it, and comes
 * here: it is known by its ancestor, the ssh that the guard has started.
 */
import type { Socket } from "node:net";
import type { Prompt, Prompter } from "../approver/prompter.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/listener.ts";
import { Peer } from "../platform/peer.ts";
import type { ProcessTable } from "../platform/process.ts";
import { promptRequest, rpcConnection } from "./rpc.ts";

/** The most that one client may send, in bytes. A server's words are among them. */
const MAX_RECEIVED = 1024 * 1024;

export class Prompts {
  readonly #processes: ProcessTable;
  /** By the pid of the ssh that may ask. */
  readonly #expected = new Map<number, readonly Prompter[]>();
  #listener: Listener | undefined;

  constructor(processes: ProcessTable) {
    this.#processes = processes;
  }

  async listen(path: string): Promise<void> {
    this.#listener = await listenPrivately(path, (socket, accepted) => this.#serve(socket, accepted));
  }

  /** @returns what ends it */
  expect(pid: number, prompters: readonly Prompter[]): () => void {
    this.#expected.set(pid, prompters);
    return () => this.#expected.delete(pid);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
  }

  #serve(socket: Socket, accepted: Accepted): void {
    const gone = new AbortController();
    socket.on("error", () => socket.destroy());
    socket.on("close", () => gone.abort(new Error("no longer asked")));
    const peer = new Peer(accepted, this.#processes);
    const connection = rpcConnection(socket);
    connection.onRequest(promptRequest, async (prompt) => {
      const { ancestors } = peer.identify();
      const asking = ancestors.find(({ pid }) => this.#expected.has(pid));
      const prompters = asking && this.#expected.get(asking.pid);
      if (!prompters) throw new Error("not asked by an ssh that muxguard has started");
      return (await promptFirst(prompters, prompt, gone.signal)) ?? null;
    });
    connection.listen();
    socket.on("data", () => socket.bytesRead > MAX_RECEIVED && socket.destroy());
  }
}

/** Asks the first that can reach a person. */
function promptFirst(
  prompters: readonly Prompter[],
  prompt: Prompt,
  signal: AbortSignal,
): Promise<string | undefined> {
  const prompter = prompters.find((one) => one.unavailable() === undefined);
  if (!prompter) throw new Error("nobody can be asked: no terminal, and SSH_ASKPASS is not set");
  return prompter.prompt(prompt, signal);
}

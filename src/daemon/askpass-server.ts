/**
 * What muxguard-askpass is asked, wherever a guard is there to answer. A passphrase for a connection that the
 * guard opens goes to the person who wanted that; OpenSSH's questions of yes or no are requests like any
 * other. Other secrets never come here.
 *
 * From inside of a run one may ask here, and nothing else: the answers come from outside.
 */
import type { Socket } from "node:net";
import { type Prompt, type Prompter, promptFirst } from "../approver/prompter.ts";
import type { Broker } from "../guard/decide/broker.ts";
import type { DecidedBy, Scope, SocketOf } from "../guard/decide/scope.ts";
import { Peer } from "../platform/proc/peer.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import { type Accepted, type Listener, listenPrivately } from "../platform/sockets/listener.ts";
import { describeCaller } from "../policy/describe/caller.ts";
import { promptKind } from "../policy/openssh-prompt.ts";
import type { Caller } from "../policy/request.ts";
import type { AskpassAnswer, AskpassQuestion } from "../rpc/requests.ts";
import { type ClientConnection, serve, serveClient, turnAwayClient } from "../rpc/serving.ts";
import { askerOf, askingFor } from "../runs/asking-parent.ts";
import { confirm } from "./confirm.ts";
import { remoteTerminal } from "./remote-terminal.ts";

/** The most that one client may send, in bytes. A server's words are among them. */
const MAX_RECEIVED = 1024 * 1024;

export interface AskpassServerParts {
  processes: ProcessTable;
  broker: Broker;
  /** Which scope decides for a process that came to a socket. */
  decidedBy(caller: Caller, socket: SocketOf): DecidedBy;
  /** Whether who asks may answer on a terminal of its own. */
  asksOnTerminals: boolean;
  /** The id of a decision that a question of an agent's about a key is about: UpstreamAgents. */
  decisionAbout(fingerprint: string, asking: Caller): string | undefined;
}

export class AskpassServer {
  readonly #parts: AskpassServerParts;
  /** By the pid of the ssh that may ask. */
  readonly #expected = new Map<number, readonly Prompter[]>();

  constructor(parts: AskpassServerParts) {
    this.#parts = parts;
  }

  /** @param scope of those who come there */
  listen(path: string, scope: Scope): Promise<Listener> {
    const serve = (socket: Socket, accepted: Accepted): void => this.serve(socket, accepted, scope);
    return listenPrivately(path, serve, { turnAway: turnAwayClient });
  }

  /** What the guard's own ssh asks goes to these. @returns what ends it */
  expect(pid: number, prompters: readonly Prompter[]): () => void {
    this.#expected.set(pid, prompters);
    return () => this.#expected.delete(pid);
  }

  serve(socket: Socket, accepted: Accepted, scope: Scope): void {
    const peer = new Peer(accepted, this.#parts.processes);
    serveClient(socket, MAX_RECEIVED, (connection) => {
      serve(connection, "askpass", (asked) => this.#answer(asked, peer, scope, connection));
    });
  }

  async #answer(
    { text, hint, terminal }: AskpassQuestion,
    peer: Peer,
    scope: Scope,
    connection: ClientConnection,
  ): Promise<AskpassAnswer> {
    const { processes, broker, decidedBy, asksOnTerminals } = this.#parts;
    const askpass = peer.identify();
    const kind = promptKind(text, hint);
    const asking = askpass.ancestors.find(({ pid }) => this.#expected.has(pid));
    const prompters = asking && this.#expected.get(asking.pid);
    // a host key of the guard's own ssh is for whoever wanted the connection
    if (prompters) {
      const asker = describeCaller(askingFor(askpass, processes));
      const prompt = { text, kind: kind === "confirm" ? "text" : kind, asker } as const;
      return answerOf(prompters, prompt, connection.gone);
    }
    if (kind !== "confirm") return { here: kind };
    const decided = decidedBy(askpass, { kind: "askpass", scope });
    if ("refused" in decided) throw new Error(decided.refused);
    const { scope: deciding } = decided;
    const own = terminal && asksOnTerminals && !deciding.run ? [remoteTerminal(connection)] : [];
    const isHolder = (pid: number): boolean => pid === deciding.run?.pid;
    const who = (): Caller => askingFor(peer.identify(), processes, isHolder);
    const asker = askerOf(who, connection.gone, deciding);
    const approvers = [...own, ...deciding.approvers];
    return confirm(broker, { text, hint }, asker, { ...deciding, approvers }, this.#parts.decisionAbout);
  }
}

async function answerOf(
  prompters: readonly Prompter[],
  prompt: Prompt,
  signal: AbortSignal,
): Promise<AskpassAnswer> {
  const answered = await promptFirst(prompters, prompt, signal);
  if ("unreachable" in answered) throw new Error(`nobody can be asked: ${answered.unreachable}`);
  return answered.answer === undefined ? { denied: "" } : { answer: answered.answer };
}

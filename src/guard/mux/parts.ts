/** What a connection of a mux client is made of. */
import type { Caller, ProcessId, Whereabouts } from "../../policy/request.ts";
import type { Client } from "../client.ts";
import type { Broker } from "../decide/broker.ts";
import type { Scope } from "../decide/scope.ts";
import type { Connection } from "../decide/verdict.ts";
import type { MuxSocket } from "./master-link.ts";

/** The master behind a control socket. */
export interface MasterEnd {
  readonly pid: number;
  /** Its MUX_MSG_HELLO, as it came. */
  readonly greeting: Buffer;
  /** The ssh that logged in for it; undefined where that is the guard's own. */
  readonly maker: ProcessId | undefined;
  /** Its connection, by which answers are compared. */
  readonly connection: Connection;
  /** Where its connection leads. */
  whereabouts(): Promise<Whereabouts>;
  /** Rejects if the master has ended. */
  connect(): Promise<MuxSocket>;
  /** It takes no more clients from now on: `-O stop`, `-O exit`. */
  stopped(): void;
  readonly hasStopped: boolean;
  /** Calls back when it has ended. Returns what ends that. */
  watchEnd(callback: () => void): () => void;
}

/** The streams that a client hands over. */
export interface Descriptors {
  close(descriptors: readonly number[]): void;
  isTerminal(descriptor: number): boolean;
  /** A Unix socket that listens, or may come to. */
  isUnconnected(descriptor: number): boolean;
  /** Of a terminal: whether a full-screen program has it. */
  isRaw(descriptor: number): boolean;
  /** Writes a line for the user. Never rejects, never waits for long. */
  tell(descriptor: number, text: string): Promise<void>;
}

/**
 * Where a path leads, or why a forward there is denied.
 * `isOwn` where that is, or may be, a socket of the guard's: then it is denied as a path on the server, too.
 */
export type Target = { path: string } | { refused: string; isOwn?: true };

export interface MuxConnectionParts {
  broker: Broker;
  /** Where the client belongs: a control path may be the same inside of a run and outside. */
  scopeOf(caller: Caller | undefined): Scope;
  client: Client;
  master: MasterEnd;
  descriptors: Descriptors;
  /** Follows a path as the master would. Never rejects. */
  findTarget(path: string): Promise<Target>;
  /** Whether a client whose stderr is no terminal is told that a person is asked. */
  tellAlways: boolean;
}

/** What the guarded connections are made of, and what of config.toml they follow. */
import type { Prompter } from "../approver/prompter.ts";
import type { Client } from "../guard/client.ts";
import type { Broker } from "../guard/decide/broker.ts";
import type { DecidedBy, Scope, SocketOf } from "../guard/decide/scope.ts";
import type { Asker } from "../guard/decide/verdict.ts";
import type { Logins } from "../identity/logins.ts";
import type { MasterDestinations } from "../identity/master-destination.ts";
import type { PlainDestination } from "../identity/ssh/plain-destination.ts";
import type { ProcessTable } from "../platform/proc/process.ts";
import type { Caller, ProcessId } from "../policy/request.ts";
import type { Askpass, OpenRequest } from "./open/opening.ts";
import type { OwnPlaces } from "./own-places.ts";
import type { Inside } from "./registry.ts";

export interface ConnectionsSettings {
  /** Folders whose masters are taken over; undefined for the usual ones. */
  controlFolders: readonly string[] | undefined;
  /** For `ssh -F`. */
  sshConfig: string | undefined;
  /** "always": clients without a terminal are told, too, that a person is asked. */
  announce: string;
}

export interface ConnectionsParts {
  config: ConnectionsSettings;
  broker: Broker;
  processes: ProcessTable;
  destinations: MasterDestinations;
  logins: Logins;
  /** Which scope decides for a client that came to a socket; undefined for one that has ended. */
  decidedBy(caller: Caller | undefined, socket: SocketOf): DecidedBy;
  /** The run of this guard's, or of another's, that the process is in. */
  runAround(caller: Caller): Inside | undefined;
  /** The scope of clients that are in none. */
  outside: Scope;
  report(line: string): void;
  askpass: Askpass;
  /** What a process of the guard's own asks for is decided in the scope. @returns what ends that */
  lend(process: ProcessId, scope: Scope): () => void;
  /** Private, for the guard's own sockets. */
  folder: string;
  /** Where forwards never lead: the folders of the guards, and the agents behind this one. */
  own: OwnPlaces;
  /** The guard's. */
  environment: NodeJS.ProcessEnv;
}

export interface WayRequest {
  destination: PlainDestination;
  purpose: OpenRequest["purpose"];
  asker: Asker;
  scope: Scope;
  prompters: readonly Prompter[];
}

/** Where plain ssh finds an opened master. */
export interface OpenedPath {
  path: string;
  /** True if it was open already. */
  already: boolean;
  /** The other paths of the same connection, if it has any. */
  shares?: string[];
}

export interface InnerPeer {
  scope: Scope;
  client: Client;
  terminal: boolean;
}

/** A guard: by a signal or a command, to start anew, because nobody can reach it, or as another is in its place. */
export type HowItEnds = "stop" | "restart" | "lost" | "replaced";

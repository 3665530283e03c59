/** Scopes of a guard: what they are opened with, and what comes of it. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Approver } from "../approver/approver.ts";
import type { Run, Scope } from "../guard/decide/scope.ts";
import type { Accepted, Listener, ListenOptions } from "../platform/sockets/listener.ts";
import type { ConfinedReach } from "../rpc/requests.ts";
import type { PolicySource } from "../settings/policy-files.ts";

export interface ScopeOptions {
  /** For a run: its name in policies, and the process that holds it. */
  run?: { name: string; pid: number; confined?: ConfinedReach; why?: string };
  /** Whether what is in it rides on connections of the guard's, and has no login to make. */
  ride?: boolean;
  policy: PolicySource;
  /** The path of the agent to use instead of the guard's own. */
  upstream?: string;
  /** Asked before the guard's own approvers. */
  approvers?: readonly Approver[];
  report: (line: string) => void;
  /** Where that does not come out at who asks: guard/decide/scope.ts. */
  tellCaller?: NonNullable<Scope["tellCaller"]>;
}

export function newRun(run: NonNullable<ScopeOptions["run"]>): Run {
  return { ...run, id: randomBytes(6).toString("hex"), confined: run.confined !== undefined };
}

/** What ends with the guard. */
export type Opened = Listener | { close(): Promise<void>; listeners?: readonly Listener[] };

export interface OpenScope extends AddedScope {
  agentSocket: string;
  /** For muxguard-askpass. */
  askpassSocket: string;
  listeners: readonly Listener[];
  close(): Promise<void>;
}

export interface AddedScope {
  readonly scope: Scope;
  serve(socket: Socket, accepted: Accepted): void;
  /** Of a socket whose clients it serves. */
  readonly listenOptions: ListenOptions;
  /** The same for muxguard-askpass. */
  serveAskpass(socket: Socket, accepted: Accepted): void;
  /** Forgets what was granted to the run. */
  end(): void;
}

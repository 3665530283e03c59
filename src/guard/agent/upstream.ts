/**
 * The agents that hold the keys, as the guard sees them.
 *
 * Each client connection has an upstream of its own, because session-bind and with it destination constraints
 * (`ssh-add -h`) belong to a connection.
 */
import type { Socket } from "node:net";
import type { AgentRequest } from "../../wire/agent/agent.ts";
import type { Frame } from "../../wire/frame.ts";
import type { KeyUses } from "./key-uses.ts";

/** An upstream agent that is missing, went away, doesn't answer or did not do its part. Names the socket. */
export class UpstreamError extends Error {
  override name = "UpstreamError";
}

export interface AgentAddress {
  /** For errors: the socket's path, or what stands for it. */
  name: string;
  connect(): Socket;
  /** What is known of it beyond one connection. */
  health?: Health;
  /** What it is asked to sign. */
  uses?: Pick<KeyUses, "begin">;
}

/** Whether an agent does its part, told by each connection to it. */
export interface Health {
  /** Why it is not to be waited for any more, until it answers again; undefined for one that is. */
  readonly leftOut: string | undefined;
  answered(): void;
  /**
   * @param fault in words, without the agent's name
   * @param hangs true if it takes connections and doesn't answer
   */
  failed(fault: string, hangs: boolean): void;
}

/** How long an answer may take, in milliseconds. */
export interface UpstreamTimeouts {
  /** For what an agent answers by itself. */
  answer: number;
  /** For what may wait for a person: a touch, a PIN, `ssh-add -c`. */
  person: number;
}

export interface Upstream {
  /**
   * @param decision the id of what was decided about a signature
   * @throws UpstreamError
   */
  exchange(frame: Frame, request: AgentRequest, decision?: string): Promise<Frame>;
  close(): void;
}

/**
 * The agents that hold the keys, as the guard sees them.
 *
 * Each client connection has an upstream of its own, because session-bind and with it destination constraints
 * (`ssh-add -h`) belong to a connection.
 */
import type { Socket } from "node:net";
import type { AgentRequest } from "../../wire/agent/agent.ts";
import type { Frame } from "../../wire/frame.ts";

/** An upstream agent that is missing, went away, doesn't answer or did not do its part. Names the socket. */
export class UpstreamError extends Error {
  override name = "UpstreamError";
}

export interface AgentAddress {
  /** For errors: the socket's path, or what stands for it. */
  name: string;
  connect(): Socket;
}

/** How long an answer may take, in milliseconds. */
export interface UpstreamTimeouts {
  /** For what an agent answers by itself. */
  answer: number;
  /** For what may wait for a person: a touch, a PIN, `ssh-add -c`. */
  person: number;
}

export interface Upstream {
  /** @throws UpstreamError */
  exchange(frame: Frame, request: AgentRequest): Promise<Frame>;
  close(): void;
}

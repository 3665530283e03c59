/**
 * Connections to the agents that hold the keys. Each client connection has its own, because session-bind and
 * with it destination constraints (`ssh-add -h`) belong to a connection.
 */
import { codeOf, hasCode } from "../../errors.ts";
import type { Socket } from "node:net";
import {
  type AgentRequest,
  encodeAgentReply,
  encodeAgentRequest,
  type Identity,
  parseAgentReply,
} from "../../wire/agent/agent.ts";
import { AGENT_MAX_LEN, encodeFrame, type Frame, FrameDecoder } from "../../wire/frame.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";

/** An upstream agent that is missing, went away or doesn't answer. The message names the socket. */
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

/** The upstream of one client connection: nothing is opened before the first request. */
export function createUpstream(addresses: readonly AgentAddress[], timeouts: UpstreamTimeouts): Upstream {
  const [only, ...others] = addresses.map((address) => new SingleUpstream(address, timeouts));
  if (!only) return noUpstream;
  return others.length === 0 ? only : new MergedUpstream([only, ...others]);
}

const noUpstream: Upstream = {
  exchange: () =>
    Promise.reject(
      new UpstreamError("no upstream agent: set SSH_AUTH_SOCK, or upstream_agent in config.toml"),
    ),
  close: () => {},
};

/** In milliseconds. */
const CONNECT_AGAIN_AFTER = 10;

interface Waiting {
  packet: Buffer;
  resolve(frame: Frame): void;
  reject(error: UpstreamError): void;
}

/** Made once: an error takes a stack, and most connections end without one. */
const CLOSED = new UpstreamError("the upstream agent is not needed any more: the client went away");

class SingleUpstream implements Upstream {
  readonly #address: AgentAddress;
  readonly #timeouts: UpstreamTimeouts;
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;
  #failure: UpstreamError | undefined;

  constructor(address: AgentAddress, timeouts: UpstreamTimeouts) {
    this.#address = address;
    this.#timeouts = timeouts;
  }

  exchange(frame: Frame, request: AgentRequest): Promise<Frame> {
    if (this.#failure) return Promise.reject(this.#failure);
    const timeout = waitsForPerson(request) ? this.#timeouts.person : this.#timeouts.answer;
    return new Promise<Frame>((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(`does not answer (waited ${timeout / 1000} s)`), timeout);
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
      };
      this.#waiting = {
        packet: frame.packet,
        resolve: (reply) => {
          done();
          resolve(reply);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#connected().write(frame.packet);
    });
  }

  close(): void {
    this.#end(CLOSED);
  }

  #connected(): Socket {
    if (this.#socket) return this.#socket;
    const decoder = new FrameDecoder();
    const socket = this.#address.connect();
    socket.on("data", (chunk) => this.#receive(decoder, chunk));
    socket.on("error", (error) => {
      if (hasCode(error, "EAGAIN")) this.#connectAgain();
      else this.#fail(describeSocketError(error));
    });
    socket.on("close", () => this.#socket === socket && this.#fail("closed the connection"));
    this.#socket = socket;
    return socket;
  }

  /**
   * So many wait for the agent already that the kernel takes no more (ssh-agent's backlog is 128): a blocking
   * connect() would wait, unix(7).
   */
  #connectAgain(): void {
    this.#socket = undefined;
    setTimeout(() => this.#waiting && this.#connected().write(this.#waiting.packet), CONNECT_AGAIN_AFTER);
  }

  #receive(decoder: FrameDecoder, chunk: Buffer): void {
    try {
      for (const frame of decoder.push(chunk)) {
        if (this.#waiting) this.#waiting.resolve(frame);
        else this.#fail("answers what nobody asked");
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(`answers with a broken message: ${error.message}`);
    }
  }

  /**
   * Final for this connection: what comes after a fault can't be told apart from an answer, and a new
   * connection would lack the session bindings of the old one.
   */
  #fail(what: string): void {
    this.#end(this.#failure ?? new UpstreamError(`the upstream agent ${this.#address.name} ${what}`));
  }

  #end(failure: UpstreamError): void {
    this.#failure ??= failure;
    this.#socket?.destroy();
    this.#waiting?.reject(this.#failure);
  }
}

function waitsForPerson({ type }: AgentRequest): boolean {
  return type !== "SSH_AGENTC_REQUEST_IDENTITIES" && type !== "SSH_AGENTC_EXTENSION";
}

function describeSocketError(error: Error): string {
  switch (codeOf(error)) {
    case "ENOENT":
      return "is missing: no such socket";
    case "ECONNREFUSED":
      return "has ended: nobody listens on its socket";
    case "EACCES":
      return "can't be reached: permission denied";
    default:
      return `failed: ${error.message}`;
  }
}

const LIST = encodeFrame(encodeAgentRequest({ type: "SSH_AGENTC_REQUEST_IDENTITIES" }));

/**
 * Several agents as one: the keys of all; each key is used in the agent that listed it, and new keys go to
 * the first.
 */
class MergedUpstream implements Upstream {
  readonly #upstreams: readonly [Upstream, ...Upstream[]];
  readonly #holders = new Map<string, Upstream>();

  constructor(upstreams: readonly [Upstream, ...Upstream[]]) {
    this.#upstreams = upstreams;
  }

  async exchange(frame: Frame, request: AgentRequest): Promise<Frame> {
    switch (request.type) {
      case "SSH_AGENTC_REQUEST_IDENTITIES":
        return this.#list(frame, request);
      case "SSH_AGENTC_SIGN_REQUEST":
      case "SSH_AGENTC_REMOVE_IDENTITY":
        return (await this.#holder(request.key)).exchange(frame, request);
      case "SSH_AGENTC_REMOVE_ALL_IDENTITIES":
      case "SSH_AGENTC_LOCK":
      case "SSH_AGENTC_UNLOCK":
      case "SSH_AGENTC_EXTENSION":
        return this.#all(frame, request);
      default:
        return this.#upstreams[0].exchange(frame, request);
    }
  }

  close(): void {
    for (const upstream of this.#upstreams) upstream.close();
  }

  /** A client need not ask for the keys before it uses one. */
  async #holder(key: Buffer): Promise<Upstream> {
    const name = key.toString("latin1");
    if (!this.#holders.has(name)) await this.#list(LIST, { type: "SSH_AGENTC_REQUEST_IDENTITIES" });
    return this.#holders.get(name) ?? this.#upstreams[0];
  }

  /** An agent that can't be reached has no keys to offer, and must not hide those of the others. */
  async #list(frame: Frame, request: AgentRequest): Promise<Frame> {
    const replies = await this.#ask(frame, request);
    if (replies.every((reply) => reply instanceof UpstreamError)) throw replies[0];
    const identities: Identity[] = [];
    this.#holders.clear();
    for (const [at, upstream] of this.#upstreams.entries()) {
      for (const identity of identitiesOf(replies[at])) {
        const name = identity.key.toString("latin1");
        if (this.#holders.has(name)) continue;
        this.#holders.set(name, upstream);
        identities.push(identity);
      }
    }
    return mergedList(identities);
  }

  /** The first agent's answer stands for all. */
  async #all(frame: Frame, request: AgentRequest): Promise<Frame> {
    const [first] = await this.#ask(frame, request);
    if (first === undefined || first instanceof UpstreamError) throw first;
    return first;
  }

  #ask(frame: Frame, request: AgentRequest): Promise<(Frame | UpstreamError)[]> {
    return Promise.all(
      this.#upstreams.map((upstream) =>
        upstream.exchange(frame, request).catch((error: UpstreamError) => error),
      ),
    );
  }
}

/** @throws UpstreamError if the keys of all agents don't fit into one message */
function mergedList(identities: Identity[]): Frame {
  const payload = encodeAgentReply({ type: "SSH_AGENT_IDENTITIES_ANSWER", identities });
  if (payload.length > AGENT_MAX_LEN)
    throw new UpstreamError("the upstream agents hold too many keys for one list");
  return encodeFrame(payload);
}

function identitiesOf(reply: Frame | UpstreamError | undefined): readonly Identity[] {
  if (reply === undefined || reply instanceof UpstreamError) return [];
  try {
    const answer = parseAgentReply(reply.payload);
    return answer.type === "SSH_AGENT_IDENTITIES_ANSWER" ? answer.identities : [];
  } catch (error) {
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}

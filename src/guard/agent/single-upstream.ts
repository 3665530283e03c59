/**
 * A connection to one agent, for one client. It is opened at the first request.
 *
 * Limits: one request at a time, as AgentConnection sends them. A fault is final: see #fail().
 */
import type { Socket } from "node:net";
import { codeOf, hasCode, isShortage } from "../../errors.ts";
import type { AgentRequest } from "../../wire/agent/agent.ts";
import { type Frame, FrameDecoder } from "../../wire/frame.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { type AgentAddress, type Upstream, UpstreamError, type UpstreamTimeouts } from "./upstream.ts";

/** In milliseconds. */
const CONNECT_AGAIN_AFTER = 10;

interface Waiting {
  packet: Buffer;
  resolve(frame: Frame): void;
  reject(error: UpstreamError): void;
}

/** Made once: an error takes a stack, and most connections end without one. */
const CLOSED = new UpstreamError("the upstream agent is not needed any more: the client went away");

export class SingleUpstream implements Upstream {
  readonly #address: AgentAddress;
  readonly #timeouts: UpstreamTimeouts;
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;
  #failure: UpstreamError | undefined;

  constructor(address: AgentAddress, timeouts: UpstreamTimeouts) {
    this.#address = address;
    this.#timeouts = timeouts;
  }

  exchange(frame: Frame, request: AgentRequest, decision?: string): Promise<Frame> {
    if (this.#failure) return Promise.reject(this.#failure);
    const forPerson = waitsForPerson(request);
    const timeout = forPerson ? this.#timeouts.person : this.#timeouts.answer;
    let used: (() => void) | undefined;
    return new Promise<Frame>((resolve, reject) => {
      const timer = setTimeout(() => this.#timedOut(timeout, !forPerson), timeout);
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting = undefined;
        used?.();
      };
      this.#waiting = {
        packet: frame.packet,
        resolve: (reply) => {
          done();
          this.#address.health?.answered();
          resolve(reply);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#connected().write(frame.packet);
      used = this.#use(request, decision);
    });
  }

  /** Takes note that the agent is asked for a signature that was decided about. @returns what ends that */
  #use(request: AgentRequest, decision: string | undefined): (() => void) | undefined {
    if (request.type !== "SSH_AGENTC_SIGN_REQUEST" || decision === undefined || !this.#socket)
      return undefined;
    return this.#address.uses?.begin(request.key, decision, this.#socket);
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
      // no fault of the agent's
      else if (isShortage(error))
        this.#fail(`can't be reached: no file descriptor is left (${error.message})`);
      else this.#unreachable(describeSocketError(error));
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

  #timedOut(timeout: number, hangs: boolean): void {
    const what = `does not answer (waited ${timeout / 1000} s)`;
    // a person may take longer than that, which is no fault of the agent's
    if (hangs) this.#address.health?.failed(what, true);
    this.#fail(what);
  }

  #unreachable(what: string): void {
    if (!this.#failure) this.#address.health?.failed(what, false);
    this.#fail(what);
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

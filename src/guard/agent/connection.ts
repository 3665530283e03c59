/**
 * One client of the agent socket: reads requests (RFC 9987), has each use of a key decided, forwards the
 * original bytes and answers in order, one at a time.
 *
 * This is where every fault becomes the protocol's own reply, SSH_AGENT_FAILURE: a request that can't be
 * read, that nobody knows, that was denied, or that the upstream agent could not answer. Only a stream that
 * can't be cut into frames any more is closed.
 */
import type { Socket } from "node:net";
import type { ListedFor } from "../../policy/listing.ts";
import type { Caller, KeyFacts, Request, Whereabouts } from "../../policy/request.ts";
import { type AgentRequest, encodeAgentReply, parseAgentRequest } from "../../wire/agent/agent.ts";
import { AgentMessage } from "../../wire/agent/message-numbers.ts";
import { SESSION_BIND } from "../../wire/agent/session-bind.ts";
import { encodeFrame, type Frame, FrameDecoder } from "../../wire/frame.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { parseSignedData, type SignedData } from "../../wire/signed-data.ts";
import { type Client, Gone, identified } from "../client.ts";
import type { Broker } from "../decide/broker.ts";
import { callerIn, type Scope } from "../decide/scope.ts";
import type { Asker } from "../decide/verdict.ts";
import { turns } from "../turns.ts";
import { type AdminAgentRequest, adminFacts } from "./admin-facts.ts";
import { isRiding, refusedInRide } from "./in-ride.ts";
import { KeyList, type Placed } from "./key-list.ts";
import { type KeyNames, keyFacts } from "./key-names.ts";
import { LIST, list } from "./list-request.ts";
import { Replies } from "./replies.ts";
import { type Upstream, UpstreamError } from "./upstream.ts";
import type { UsedKeys } from "./used-keys.ts";

/** The SSH sessions that this connection was bound to, and what they say of a request's way. */
export interface Route {
  /** Takes the details of a session-bind@openssh.com extension. */
  bind(details: Buffer, caller: Caller): "accepted" | "refused" | "unsupported";
  /** @param signed what is to be signed; undefined for a request that signs nothing */
  resolve(signed: SignedData | undefined, caller: Caller): Whereabouts | Promise<Whereabouts>;
  /** For a list of keys: before anything is to be signed. */
  listedFor(caller: Caller): ListedFor | Promise<ListedFor>;
  /** Takes note of a signature that was allowed, and made. */
  wasSigned(signed: SignedData, caller: Caller): void;
}

export interface AgentConnectionParts {
  broker: Broker;
  /** Where the client belongs. Undefined for one that can't be identified: what it asks for is denied. */
  scopeOf(caller: Caller | undefined): Scope;
  upstream: Upstream;
  keyNames: KeyNames;
  usedKeys: UsedKeys;
  route: Route;
  client: Client;
}

/** What a client may send ahead, in bytes. Beyond it, it is not read until it has got answers. */
const MOST_AHEAD = 64 * 1024;

/** AGENT_MAX_SID_LEN of ssh-agent.c, in bytes. */
const MAX_SESSION_IDENTIFIER = 128;

const FAILURE = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_FAILURE" })).packet;
const EXTENSION_FAILURE = encodeFrame(encodeAgentReply({ type: "SSH_AGENT_EXTENSION_FAILURE" })).packet;

export class AgentConnection {
  readonly #socket: Socket;
  readonly #parts: AgentConnectionParts;
  readonly #decoder = new FrameDecoder();
  readonly #replies: Replies;
  readonly #keyList: KeyList;
  readonly #gone = new Gone();
  #busy = false;

  constructor(socket: Socket, parts: AgentConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#replies = new Replies(socket);
    this.#keyList = new KeyList(parts);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => socket.destroy()); // reset by the client: "close" follows
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
  }

  #receive(chunk: Buffer): void {
    this.#decoder.add(chunk);
    if (this.#isAhead) this.#socket.pause();
    if (!this.#busy) this.#answerAll().catch(() => this.#end()); // no answer at all
  }

  get #isAhead(): boolean {
    return this.#decoder.buffered > MOST_AHEAD && this.#decoder.isReady;
  }

  /** @throws ProtocolError for a stream that can't be cut into frames */
  async #answerAll(): Promise<void> {
    this.#busy = true;
    for (let hadOne = false; ; hadOne = true) {
      const turn = this.#decoder.isReady ? turns.next(hadOne) : undefined;
      if (turn) await turn;
      if (this.#gone.isOver) return;
      const frame = this.#decoder.next();
      if (!frame) break;
      const reply = await this.#answer(frame);
      if (this.#gone.isOver) return;
      if (!this.#replies.send(reply, this.#decoder.isReady)) await this.#replies.taken();
      if (this.#socket.isPaused() && !this.#isAhead) this.#socket.resume();
    }
    this.#busy = false;
  }

  #end(): void {
    if (this.#gone.isOver) return;
    this.#replies.flush();
    this.#gone.end();
    this.#parts.upstream.close();
    this.#socket.destroy();
  }

  /** The packet to answer with. Never rejects. */
  async #answer(frame: Frame): Promise<Buffer> {
    try {
      return await this.#handle(frame, parseAgentRequest(frame.payload));
    } catch (error) {
      const scope = this.#parts.scopeOf(undefined);
      if (error instanceof UpstreamError) scope.report(`muxguard: ${error.message}`);
      else if (!(error instanceof ProtocolError)) scope.report(`muxguard: internal fault: ${String(error)}`);
      return FAILURE;
    }
  }

  async #handle(frame: Frame, request: AgentRequest): Promise<Buffer> {
    switch (request.type) {
      case "SSH_AGENTC_REQUEST_IDENTITIES":
        return this.#list(frame, request);
      case "SSH_AGENTC_SIGN_REQUEST":
        return this.#sign(frame, request);
      case "SSH_AGENTC_EXTENSION":
        return this.#extension(frame, request);
      case "unknown":
        return FAILURE;
      default:
        return this.#administer(frame, request);
    }
  }

  async #administer(frame: Frame, request: AdminAgentRequest): Promise<Buffer> {
    const placed = this.#placed();
    const { keyNames } = this.#parts;
    // a rule may name a key by its comment, and ssh-add -d does not ask for the list
    if (request.type === "SSH_AGENTC_REMOVE_IDENTITY" && !keyNames.find(request.key)) {
      await this.#lookUp(request.key);
    }
    const facts = adminFacts(request, (key) => keyNames.find(key) ?? keyFacts(key));
    const whereabouts = await this.#whereabouts(undefined, placed.asker);
    return this.#decideAndForward(frame, request, { kind: "admin", ...facts, ...whereabouts }, placed);
  }

  async #list(frame: Frame, request: AgentRequest): Promise<Buffer> {
    return this.#keyList.shown(await this.#learn(frame, request), this.#placed());
  }

  async #learn(frame: Frame, request: AgentRequest): Promise<Frame> {
    const reply = await this.#parts.upstream.exchange(frame, request);
    this.#parts.keyNames.learn(reply);
    return reply;
  }

  async #sign(frame: Frame, request: AgentRequest & { type: "SSH_AGENTC_SIGN_REQUEST" }): Promise<Buffer> {
    const placed = this.#placed();
    const { asker, scope } = placed;
    const key = this.#parts.keyNames.find(request.key) ?? (await this.#lookUp(request.key));
    const signed = parseSignedData(request.data, request.key);
    const whereabouts = await this.#whereabouts(signed, asker);
    const known = "fingerprint" in key;
    const asked: Request = {
      kind: "sign",
      key: known ? key : keyFacts(request.key),
      data: signed.kind,
      ...(signed.kind === "sshsig" && { namespace: signed.namespace }),
      ...(signed.kind === "opaque" && signed.noLogin && { noLogin: true }),
      ...whereabouts,
    };
    const login = signed.kind === "userauth" ? { login: nameOf(signed.sessionIdentifier) } : {};
    if (known) {
      const byLogin = { scope, asker: { ...asker, ...login } };
      const reply = await this.#decideAndForward(frame, request, asked, byLogin);
      // before ssh hears of it: it may be a master the moment after
      if (asker.caller && !reply.equals(FAILURE)) this.#parts.route.wasSigned(signed, asker.caller);
      return reply;
    }
    this.#parts.broker.refuse(asked, asker, scope, { what: key.fault, reason: key.reason });
    return FAILURE;
  }

  /**
   * Asks the upstream agent for its keys, in case this one is new. A question about a key that nobody has
   * would be asked in vain.
   */
  async #lookUp(key: Buffer): Promise<KeyFacts | { fault: string; reason: string }> {
    try {
      await this.#learn(LIST, list);
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      return { fault: "upstream", reason: error.message };
    }
    const found = this.#parts.keyNames.find(key);
    return found ?? { fault: "key", reason: "no upstream agent has this key (ssh-add -l)" };
  }

  async #whereabouts(signed: SignedData | undefined, { caller }: Asker): Promise<Whereabouts> {
    // nobody to ask about: the request is denied, and only has to be shown
    return caller ? this.#parts.route.resolve(signed, caller) : { path: [], forwarded: false };
  }

  async #extension(frame: Frame, request: AgentRequest & { type: "SSH_AGENTC_EXTENSION" }): Promise<Buffer> {
    const { asker, scope } = this.#placed();
    const { caller } = asker;
    if (isRiding(scope, caller)) return EXTENSION_FAILURE;
    switch (request.name) {
      case SESSION_BIND: {
        // a bind that can't be verified here goes on: the agent may know the kind of key, and its destination
        // constraints need to hear of it
        if (!caller || this.#parts.route.bind(request.details, caller) === "refused")
          return EXTENSION_FAILURE;
        return (await this.#parts.upstream.exchange(frame, request)).packet;
      }
      case "query":
        return (await this.#parts.upstream.exchange(frame, request)).packet;
      default:
        return FAILURE;
    }
  }

  async #decideAndForward(
    frame: Frame,
    request: AgentRequest,
    asked: Request,
    placed: Placed,
  ): Promise<Buffer> {
    const { scope } = placed;
    const asker: Asker = { ...placed.asker, isMute: true };
    const { broker, upstream } = this.#parts;
    const refused = refusedInRide(asked, placed);
    const verdict = refused
      ? broker.refuse(asked, asker, scope, refused)
      : await broker.decide(asked, asker, scope);
    if (verdict.decision === "deny") return FAILURE;
    try {
      const reply = await upstream.exchange(frame, request, verdict.id);
      if (reply.payload[0] === AgentMessage.SSH_AGENT_SIGN_RESPONSE) this.#used(asked);
      return reply.packet;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      // with the client its upstream connection goes too: that is no fault of the agent's
      if (!this.#gone.isOver)
        broker.refuse(asked, asker, scope, { what: "upstream", reason: error.message, id: verdict.id });
      return FAILURE;
    }
  }

  #used({ destination, key }: Request): void {
    if (destination?.verified && destination.hostKey !== undefined && key)
      this.#parts.usedKeys.add(destination.hostKey, key.fingerprint);
  }

  /** Who asks is read once: the scope is that of the very process that is decided about. */
  #placed(): Placed {
    const { client, scopeOf } = this.#parts;
    const { caller: found, unidentified } = identified(client);
    const scope = scopeOf(found);
    const caller = found && callerIn(scope, found);
    const gone = this.#gone;
    const asker: Asker = {
      caller,
      unidentified,
      get gone() {
        return gone.signal;
      },
      isUnchanged: () => caller !== undefined && client.isUnchanged(caller),
    };
    return { asker, scope };
  }
}

/** Longer ones have no session. */
function nameOf(sessionIdentifier: Buffer): string {
  return sessionIdentifier.toString("base64", 0, MAX_SESSION_IDENTIFIER);
}

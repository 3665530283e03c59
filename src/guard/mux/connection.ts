/**
 * One client of a guarded control socket: reads its requests (PROTOCOL.mux), has each decided, and passes the
 * original bytes and descriptors on to the master. From then on the master reads and writes the client's own
 * descriptors: no byte of a session comes by here.
 *
 * Greetings and ALIVE_CHECK are answered here, with what the master said when it was found: nothing reaches
 * the master before something is allowed, and an idle client does not keep a ControlPersist master alive.
 *
 * A session is denied cleanly: ssh would answer MUX_S_PERMISSION_DENIED with a connection of its own. It is
 * told that the session is open instead, finds the reason on its stderr, and ends with 255. Where no stderr
 * was passed on, MUX_S_PERMISSION_DENIED is right.
 */
import { isShortage } from "../../errors.ts";
import { processKey, type Request } from "../../policy/request.ts";
import { encodeFrame } from "../../wire/frame.ts";
import type { MuxPacket } from "../../wire/mux/decoder.ts";
import { encodeMuxReply, type MuxReply } from "../../wire/mux/reply.ts";
import { type MuxRequest, parseMuxRequest } from "../../wire/mux/request.ts";
import { ProtocolError } from "../../wire/protocol-error.ts";
import { identified } from "../client.ts";
import { callerIn, type Scope } from "../decide/scope.ts";
import { type Asker, denialLine } from "../decide/verdict.ts";
import { type DecidedMuxRequest, type MuxFacts, muxFacts } from "./facts.ts";
import { MasterHold } from "./master-hold.ts";
import { MasterLink, type MuxSocket, type Reply } from "./master-link.ts";
import type { MuxConnectionParts } from "./parts.ts";
import { ProxyChannels } from "./proxy-channels.ts";
import { RequestQueue } from "./request-queue.ts";
import { decideMux } from "./targets.ts";

const VERSION = 4; // SSHMUX_VER of mux.c
/** Reasons of our own: AbortController would make an exception with a stack for each connection. */
const GONE = new Error("the client went away");
const MASTER_GONE = new Error("the shared connection ended");
const NOTHING_LEFT =
  "no file descriptor is left to reach the master: see ulimit -n, LimitNOFILE= of the service";
/** Of a session that never was: nothing else goes by it. */
const NO_SESSION = 0;

/** Who holds a socket for others to connect to could be taken for the one who listens there: a master. */
const NO_STREAM = "stdin, stdout or stderr is a socket that nobody has connected";

export class MuxConnection {
  readonly #socket: MuxSocket;
  readonly #parts: MuxConnectionParts;
  readonly #requests: RequestQueue;
  /** Aborted when nobody waits for a decision any more, or the master can't follow it. */
  readonly #gone: AbortController;
  #greeting: Buffer | undefined;
  #hasLooked = false;
  #link: MasterLink | undefined;
  /** Why the master could not be reached. */
  #fault = "the master has ended";
  #proxy: ProxyChannels | undefined;
  #deciding = false;
  #closed = false;
  readonly #unwatch: () => void;

  constructor(socket: MuxSocket, parts: MuxConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    socket.send(parts.master.greeting); // first: the client goes on while the rest is made
    this.#gone = new AbortController();
    this.#requests = new RequestQueue({
      answer: (packet) => this.#answer(packet),
      broken: () => this.#close(), // as mux.c does with what it can't read
      discard: (descriptors) => parts.descriptors.close(descriptors),
      // a client that takes no answers gets no more of them
      isFull: () => socket.isFull || (this.#link?.isFull ?? false),
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    });
    // with a link, the end comes over it: behind what the master said last
    this.#unwatch = parts.master.watchEnd(() => !this.#link && this.#masterEnded());
    socket.listen({
      receive: (bytes, descriptors) => this.#requests.push(bytes, descriptors),
      closed: () => this.#close(),
      drained: () => this.#drained(),
    });
  }

  #drained(): void {
    if (!this.#socket.isFull) this.#link?.resume();
    this.#requests.drained();
  }

  /**
   * What is being decided is denied. A connection that just closed would have ssh make one of its own, on
   * which it does at once what nobody has answered yet.
   */
  #masterEnded(): void {
    if (this.#deciding) this.#gone.abort(MASTER_GONE);
    else this.#close(MASTER_GONE);
  }

  /** Whichever side went away, and after a denial. What was sent to the client still reaches it. */
  #close(reason = GONE): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gone.abort(reason);
    this.#unwatch();
    this.#link?.destroy();
    this.#socket.end();
    this.#requests.close();
  }

  /** Never rejects. Descriptors that were not passed on are closed. */
  async #answer(packet: MuxPacket): Promise<void> {
    try {
      if (this.#proxy) await this.#proxy.fromClient(packet.frame);
      else await this.#handle(packet, parseMuxRequest(packet.frame.payload));
    } catch (error) {
      if (!(error instanceof ProtocolError))
        this.#parts.scopeOf(undefined).report(`muxguard: internal fault: ${String(error)}`);
      this.#close(); // as mux.c does with what it can't read
    } finally {
      this.#parts.descriptors.close(packet.descriptors.splice(0));
    }
  }

  async #handle(packet: MuxPacket, request: MuxRequest): Promise<void> {
    if (request.type === "MUX_MSG_HELLO") return this.#greet(packet, request.version);
    if (!this.#greeting) throw new ProtocolError("a request before the greeting");
    switch (request.type) {
      case "MUX_C_ALIVE_CHECK": {
        const { pid } = this.#parts.master;
        this.#reply({ type: "MUX_S_ALIVE", requestId: request.requestId, pid });
        this.#lookAhead();
        return;
      }
      case "MUX_C_EXT_INFO":
        if ((await this.#forward(packet)) === "unreachable") this.#close();
        return;
      case "unknown": {
        const { requestId } = request;
        if (requestId === undefined) throw new ProtocolError("a request without an id");
        return this.#reply({ type: "MUX_S_FAILURE", requestId, reason: "unsupported request" });
      }
      default:
        return this.#decide(packet, request);
    }
  }

  #greet({ frame }: MuxPacket, version: number): void {
    if (this.#greeting) throw new ProtocolError("greeted twice");
    if (version !== VERSION) throw new ProtocolError(`version ${version}`);
    this.#greeting = Buffer.from(frame.packet); // the frame is a view on all that came with it
  }

  /**
   * While it is the client's turn: who asks is looked up again at the request, and that takes less once it is
   * known. What was seen here is not kept.
   */
  #lookAhead(): void {
    if (!this.#hasLooked) identified(this.#parts.client);
    this.#hasLooked = true;
  }

  async #decide(packet: MuxPacket, request: DecidedMuxRequest): Promise<void> {
    const { master } = this.#parts;
    const { asker, scope: own } = this.#asker();
    const waits = packet.descriptors.some((descriptor) => this.#parts.descriptors.isUnconnected(descriptor));
    const scope = waits ? { ...own, refused: own.refused ?? NO_STREAM } : own;
    const facts = muxFacts(request);
    const hold = new MasterHold(() => master.connect());
    const stderr = packet.descriptors[2];
    this.#deciding = true;
    try {
      // after -O exit or -O stop: nobody is asked about what can't be done
      if (master.hasStopped && !this.#link)
        return this.#refuse({ ...facts, ...(await master.whereabouts()) }, asker, scope);
      const waiting = (line: string, isTold: boolean): boolean => this.#tellWaiting(line, isTold, stderr);
      const asking = (): void => void (this.#link ?? hold.take());
      const tells = request.type === "MUX_C_NEW_SESSION";
      const told = { ...asker, waiting, asking, tells };
      const { asked, verdict } = await decideMux(this.#parts, facts, told, scope);
      if (this.#closed) return;
      if (verdict.decision === "deny") return await this.#deny(request, denialLine(asked, verdict), stderr);
      this.#deciding = false;
      const reply = await this.#forward(packet);
      if (reply === "unreachable") this.#refuse(asked, asker, scope, verdict.id);
      else this.#forwarded(request, reply);
    } finally {
      this.#deciding = false;
      hold.release(); // after the link is there: no ControlPersist runs out in between
    }
  }

  /**
   * As on a socket that nobody listens at: ssh makes a connection of its own then, and its key is asked
   * about.
   * @param id of the approval that is taken back
   */
  #refuse(asked: Request, asker: Asker, scope: Scope, id?: string): void {
    const fault = { what: "master", reason: this.#fault, ...(id !== undefined && { id }) };
    this.#parts.broker.refuse(asked, asker, scope, fault);
    this.#close();
  }

  #forwarded({ type }: DecidedMuxRequest, reply: Reply): void {
    const { master } = this.#parts;
    if (type === "MUX_C_STOP_LISTENING" && reply === "answered") master.stopped();
    // a master that ends may not come to answer: mux_master_process_terminate() of mux.c
    if (type === "MUX_C_TERMINATE" && reply !== "refused") master.stopped();
    if (reply === "proxied") this.#startProxy();
  }

  async #deny(request: DecidedMuxRequest, line: string, stderr: number | undefined): Promise<void> {
    const { requestId } = request;
    if (request.type !== "MUX_C_NEW_SESSION" || stderr === undefined) {
      this.#reply({ type: "MUX_S_PERMISSION_DENIED", requestId, reason: line });
      if (this.#gone.signal.aborted) this.#close();
      return;
    }
    // before the session seems open: from then on the client's terminal is raw
    await this.#parts.descriptors.tell(stderr, `${line}\n`);
    this.#reply({ type: "MUX_S_SESSION_OPENED", requestId, sessionId: NO_SESSION });
    this.#reply({ type: "MUX_S_EXIT_MESSAGE", sessionId: NO_SESSION, exitValue: 255 });
    this.#close();
  }

  #tellWaiting(line: string, isTold: boolean, stderr: number | undefined): boolean {
    const { descriptors, tellAlways } = this.#parts;
    if (stderr === undefined) return false;
    const isThere = descriptors.isTerminal(stderr) ? !isTold && !descriptors.isRaw(stderr) : tellAlways;
    if (isThere) void descriptors.tell(stderr, `${line}\n`);
    return isThere;
  }

  /** Passes the packet on, with its descriptors, and waits for the master's answer. */
  async #forward({ frame, descriptors }: MuxPacket): Promise<Reply | "unreachable"> {
    if (this.#gone.signal.aborted) return "unreachable"; // the master ended while it was decided
    const link = this.#link ?? (await this.#connect());
    if (!link) return "unreachable";
    return link.exchange(frame, descriptors.splice(0));
  }

  async #connect(): Promise<MasterLink | undefined> {
    const socket = await this.#parts.master.connect().catch((error: unknown) => {
      if (isShortage(error)) this.#fault = NOTHING_LEFT;
    });
    if (!socket) return undefined;
    if (this.#gone.signal.aborted || !this.#greeting) {
      socket.destroy();
      return undefined;
    }
    this.#link = new MasterLink(socket, this.#greeting, {
      receive: (packet) => this.#fromMaster(packet),
      closed: () => this.#masterEnded(),
      drained: () => this.#drained(),
    });
    return this.#link;
  }

  #fromMaster(packet: Buffer): void {
    const passed = this.#proxy ? this.#proxy.fromMaster(packet) : packet;
    if (passed) this.#socket.send(passed);
    if (this.#socket.isFull) this.#link?.pause();
  }

  #startProxy(): void {
    this.#proxy = new ProxyChannels({
      toClient: (payload) => this.#socket.send(encodeFrame(payload).packet),
      toMaster: (packet) => this.#link?.send(packet),
      decide: (facts, tells) => this.#decidePassed(facts, tells),
    });
  }

  /**
   * What a proxy client asks for, decided as if it had been asked of the master. Returns the words of a
   * denial.
   */
  async #decidePassed(facts: MuxFacts, tells: boolean): Promise<string | undefined> {
    const { asker, scope } = this.#asker();
    const { asked, verdict } = await decideMux(this.#parts, facts, { ...asker, tells }, scope);
    return verdict.decision === "allow" ? undefined : denialLine(asked, verdict);
  }

  #reply(reply: MuxReply): void {
    this.#socket.send(encodeFrame(encodeMuxReply(reply)).packet);
  }

  #asker(): { asker: Asker; scope: Scope } {
    const { client, scopeOf } = this.#parts;
    const { caller: found, unidentified } = identified(client);
    const scope = scopeOf(found);
    const caller = found && callerIn(scope, found);
    const isUnchanged = (): boolean => found !== undefined && client.isUnchanged(found);
    const { maker, connection } = this.#parts.master;
    const isMaker = maker !== undefined && found !== undefined && processKey(found) === processKey(maker);
    return {
      asker: { caller, unidentified, gone: this.#gone.signal, isUnchanged, isMaker, connection },
      scope,
    };
  }
}

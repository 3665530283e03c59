/**
 * One client of a guarded control socket: real sockets on both sides, and a stub in the master's place that
 * speaks the wire.
 */
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Client } from "../../src/guard/client.ts";
import type { Scope } from "../../src/guard/decide/scope.ts";
import { MuxConnection } from "../../src/guard/mux/connection.ts";
import type { MuxSocket } from "../../src/guard/mux/master-link.ts";
import type { Descriptors, MasterEnd, MuxConnectionParts } from "../../src/guard/mux/parts.ts";
import { closeDescriptors, duplicate } from "../../src/platform/libc/descriptors.ts";
import { listenAtControlPath } from "../../src/platform/sockets/control-socket.ts";
import { DescriptorSocket } from "../../src/platform/sockets/descriptor-socket.ts";
import type { Policy } from "../../src/policy/policy.ts";
import type { Destination, Whereabouts } from "../../src/policy/request.ts";
import { encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";
import { MuxDecoder, type MuxPacket } from "../../src/wire/mux/decoder.ts";
import { encodeMuxReply, type MuxReply, parseMuxReply } from "../../src/wire/mux/reply.ts";
import {
  encodeMuxRequest,
  type MuxNewSession,
  type MuxRequest,
  parseMuxRequest,
} from "../../src/wire/mux/request.ts";
import { makeFolder } from "./agents.ts";
import { makeBroker, makeScope, type TestBroker, type TestScope } from "./guard.ts";
import { caller, policy } from "./policy.ts";
import { packetsFrom } from "./wire.ts";

export const prod: Destination = { verified: true, names: ["prod-db"], port: 22, how: "host key known" };
const whereabouts: Whereabouts = { destination: prod, user: "root", path: [], forwarded: false };

export const MASTER_PID = 4242;
export const hello: MuxRequest = { type: "MUX_MSG_HELLO", version: 4, extensions: [] };

export function session(command = "uptime", fields: Partial<MuxNewSession> = {}): MuxNewSession {
  const wishes = { wantTty: false, wantX11: false, wantAgent: false, subsystem: false };
  const rest = { escapeCharacter: 0xffffffff, terminal: "xterm", environment: [] };
  return { type: "MUX_C_NEW_SESSION", requestId: 1, command, ...wishes, ...rest, ...fields };
}

export function packetOf(request: MuxRequest): Buffer {
  return encodeFrame(encodeMuxRequest(request)).packet;
}

export function replyPacket(reply: MuxReply): Buffer {
  return encodeFrame(encodeMuxReply(reply)).packet;
}

/** How long something may take to happen, in milliseconds, however slow the machine is. */
const LIMIT = 20_000;

/** Waits until it is so, from one turn of the event loop to the next. */
export async function eventually(condition: () => boolean): Promise<void> {
  const began = performance.now();
  while (!condition()) {
    if (performance.now() - began > LIMIT) throw new Error(`waited in vain: ${condition}`);
    await new Promise(setImmediate);
  }
}

/** How many descriptors of this process stand for the same open file, by its name. */
export function copiesOf(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => linkOf(fd) === path).length;
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the folder's own, closed by now
  }
}

/** What a client passes: descriptors of one file, which can be counted. */
export class Stream {
  readonly path: string;
  readonly fd: number;

  constructor(path = join(makeFolder(), "stream")) {
    this.fd = openSync(path, "a+");
    this.path = readlinkSync(`/proc/self/fd/${this.fd}`);
    onTestFinished(() => closeSync(this.fd));
  }

  copies(count: number): number[] {
    return Array.from({ length: count }, () => duplicate(this.fd));
  }

  /** How many there are beside the first. */
  get passed(): number {
    return copiesOf(this.path) - 1;
  }
}

/** One of the connections to the stub, as it sees it. */
export interface MasterConnection {
  socket: DescriptorSocket;
  requests: MuxRequest[];
  /** What came after MUX_S_PROXY. */
  passed: Buffer[];
  descriptors: number[];
  closed: boolean;
}

export type Play = (request: MuxRequest, connection: MasterConnection) => void;

/** Answers as a master does that grants all. */
export const play: Play = (request, { socket }) => {
  const reply = replyTo(request);
  if (reply) socket.send(replyPacket(reply));
};

export function replyTo(request: MuxRequest): MuxReply | undefined {
  const requestId = "requestId" in request ? (request.requestId ?? 0) : 0;
  switch (request.type) {
    case "MUX_MSG_HELLO":
      return undefined;
    case "MUX_C_NEW_SESSION":
    case "MUX_C_NEW_STDIO_FWD":
      return { type: "MUX_S_SESSION_OPENED", requestId, sessionId: 7 };
    case "MUX_C_PROXY":
      return { type: "MUX_S_PROXY", requestId };
    case "MUX_C_EXT_INFO":
      return { type: "MUX_S_EXT_INFO", requestId, status: 1, message: request.name };
    default:
      return { type: "MUX_S_OK", requestId };
  }
}

export interface StubMaster extends MasterEnd {
  connections: MasterConnection[];
  /** All that was asked of it, greetings left out. */
  requests: MuxRequest[];
  stops: number;
  /** How many wait for its end. */
  readonly watched: number;
  /** Takes no more connections. */
  refuse(): void;
  /** Its process has ended. */
  end(): void;
}

async function stubMaster(answer: Play): Promise<StubMaster> {
  const path = join(makeFolder(), "master");
  const connections: MasterConnection[] = [];
  let ended = false;
  const watchers = new Set<() => void>();
  const listener = await listenAtControlPath(path, (socket) => connections.push(serveMaster(socket, answer)));
  onTestFinished(() => {
    listener.close();
    for (const { descriptors } of connections) closeDescriptors(descriptors.splice(0));
  });
  const master: StubMaster = {
    pid: MASTER_PID,
    maker: undefined,
    connection: { id: path, isOver: () => ended },
    watchEnd: (callback) => {
      watchers.add(callback);
      return () => watchers.delete(callback);
    },
    greeting: replyPacket({ type: "MUX_MSG_HELLO", version: 4, extensions: [] }),
    whereabouts: () => Promise.resolve(whereabouts),
    connect: async () => {
      if (ended) throw new Error("it has ended");
      return DescriptorSocket.connect(path);
    },
    stopped: () => void master.stops++,
    get hasStopped() {
      return master.stops > 0;
    },
    connections,
    get watched() {
      return watchers.size;
    },
    get requests() {
      return connections.flatMap(({ requests }) => requests.filter(({ type }) => type !== "MUX_MSG_HELLO"));
    },
    stops: 0,
    refuse: () => {
      ended = true;
    },
    end: () => {
      ended = true;
      for (const callback of [...watchers]) callback();
    },
  };
  return master;
}

function serveMaster(socket: DescriptorSocket, answer: Play): MasterConnection {
  const decoder = new MuxDecoder();
  const connection: MasterConnection = { socket, requests: [], passed: [], descriptors: [], closed: false };
  const take = ({ frame, descriptors }: MuxPacket): void => {
    connection.descriptors.push(...descriptors);
    if (connection.requests.some(({ type }) => type === "MUX_C_PROXY")) {
      connection.passed.push(frame.payload);
      return;
    }
    const request = parseMuxRequest(frame.payload);
    connection.requests.push(request);
    answer(request, connection);
  };
  socket.listen({
    receive: (bytes, descriptors) => {
      for (const packet of packetsFrom(decoder, bytes, descriptors)) take(packet);
    },
    closed: () => {
      connection.closed = true;
    },
  });
  socket.send(replyPacket({ type: "MUX_MSG_HELLO", version: 4, extensions: [] }));
  return connection;
}

/** A client, which sends what a test wants. */
export class MuxTestClient {
  readonly socket: DescriptorSocket;
  /** The guard's greeting first. */
  readonly received: MuxReply[] = [];
  /** Payloads as they came. */
  readonly payloads: Buffer[] = [];
  isClosed = false;
  #read = 0;

  constructor(path: string) {
    this.socket = DescriptorSocket.connect(path);
    const decoder = new FrameDecoder();
    this.socket.listen({
      receive: (bytes) => {
        for (const { payload } of decoder.push(bytes)) this.#take(payload);
      },
      closed: () => {
        this.isClosed = true;
      },
    });
    onTestFinished(() => this.socket.destroy());
  }

  #take(payload: Buffer): void {
    this.payloads.push(payload);
    try {
      this.received.push(parseMuxReply(payload));
    } catch {
      this.received.push({ type: "unknown", number: 0 }); // of the connection protocol
    }
  }

  /** The next replies. */
  async replies(count: number): Promise<MuxReply[]> {
    await eventually(() => this.received.length >= this.#read + count);
    this.#read += count;
    return this.received.slice(this.#read - count, this.#read);
  }

  async greet(): Promise<void> {
    this.socket.send(packetOf(hello));
    await this.replies(1);
  }

  /** Sends requests in one piece and waits for as many replies. */
  ask(...requests: MuxRequest[]): Promise<MuxReply[]> {
    this.socket.send(Buffer.concat(requests.map(packetOf)));
    return this.replies(requests.length);
  }

  /** Sends a request with its descriptors. */
  pass(request: MuxRequest, descriptors: number[]): void {
    this.socket.send(packetOf(request), descriptors);
  }

  async closed(): Promise<void> {
    await eventually(() => this.isClosed);
  }
}

/**
 * Hands over what it receives one byte at a time. The kernel ends a read behind a byte that comes with a
 * descriptor.
 */
export function byteByByte(socket: MuxSocket): MuxSocket {
  return {
    listen: ({ receive, ...events }) =>
      socket.listen({
        ...events,
        receive: (bytes, descriptors) => {
          for (let at = 1; at <= bytes.length; at++)
            receive(bytes.subarray(at - 1, at), at === bytes.length ? descriptors : []);
        },
      }),
    send: (bytes, descriptors) => socket.send(bytes, descriptors),
    get isFull() {
      return socket.isFull;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
}

export interface MuxSetting extends TestBroker {
  master: StubMaster;
  scope: TestScope;
  /** What was told, instead of on the stream. */
  told: string[];
  connect(): MuxTestClient;
  /** One that has greeted. */
  greeted(): Promise<MuxTestClient>;
  /** The guard stops listening, as at the end of the master. */
  close(): void;
}

export interface MuxOptions {
  policy?: Policy;
  scope?: Partial<Scope>;
  client?: Partial<Client>;
  master?: Play;
  descriptors?: Partial<Descriptors>;
  tellAlways?: boolean;
  findTarget?: MuxConnectionParts["findTarget"];
  whereabouts?: () => Promise<Whereabouts>;
  /** Between the guard and its client. */
  through?: (socket: MuxSocket) => MuxSocket;
}

export async function openMux(options: MuxOptions = {}): Promise<MuxSetting> {
  const broker = makeBroker();
  const scope = makeScope(options.policy ?? policy([], { default: "allow" }), options.scope);
  const master = await stubMaster(options.master ?? play);
  if (options.whereabouts) master.whereabouts = options.whereabouts;
  const told: string[] = [];
  const tell = async (_: number, text: string): Promise<void> => void told.push(text);
  const descriptors = {
    ...{
      close: closeDescriptors,
      isTerminal: () => false,
      isRaw: () => false,
      isUnconnected: () => false,
      tell,
    },
    ...options.descriptors,
  };
  const through = options.through ?? ((socket) => socket);
  const path = join(makeFolder(), "guard");
  const listener = await listenAtControlPath(path, (socket) => {
    new MuxConnection(through(socket), {
      broker: broker.broker,
      scopeOf: () => scope,
      client: { identify: () => caller, isUnchanged: () => true, ...options.client },
      master,
      descriptors,
      findTarget: options.findTarget ?? (async (path) => ({ path })),
      tellAlways: options.tellAlways ?? false,
    });
  });
  onTestFinished(() => listener.close());
  const connect = (): MuxTestClient => new MuxTestClient(path);
  const greeted = async (): Promise<MuxTestClient> => {
    const client = connect();
    await client.greet();
    return client;
  };
  return { ...broker, master, scope, told, connect, greeted, close: () => listener.close() };
}

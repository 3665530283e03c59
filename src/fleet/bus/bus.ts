/**
 * The connection to the bus. It carries, and decides nothing: what comes over it is looked at elsewhere.
 *
 * Without it all goes on: whoever publishes is told that there is none, and nothing is kept here for later. It is
 * made again and again, ever more rarely, with files that are read anew each time: credentials may have run out.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Authenticator, NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../../errors.ts";
import { visible } from "../../policy/visible.ts";
import type { FleetConfig } from "../../settings/fleet/config.ts";
import { ranOut, readSecret, readTls, seedOf, wantsTls } from "./credentials.ts";
import { greeting } from "./probe.ts";

/** How long a connection may take to come about, in milliseconds. */
const PATIENCE = 5000;
/** How long is waited before it is tried again: at first, and at most. */
const [FIRST_WAIT, LONGEST_WAIT] = [500, 30_000];
/** How often a silent one is looked at, and how many looks without an answer end it. */
const [PING, UNANSWERED] = [5000, 2];

/** What is heard. It must not throw, nor keep more than it has room for. */
export type Heard = (data: Uint8Array, subject: string) => void;

export interface BusOptions extends Pick<FleetConfig, "servers" | "tls"> {
  /** As the server's log has it. */
  name: string;
  credentials: string | undefined;
  /** Called when it comes or goes. It must not throw. */
  changed?: (fault: string | undefined) => void;
}

export class Bus {
  readonly #options: BusOptions;
  readonly #heard = new Map<string, Heard>();
  readonly #ended = new AbortController();
  #connection: NatsConnection | undefined;
  /** Ends the socket of the connection that is there, or is being made. */
  #socket = new AbortController();
  #fault: string | undefined = "it is not connected yet";
  #running: Promise<void> | undefined;
  #hasTried = (): void => {};
  /** Resolves once it is connected, or was not for the first time. */
  readonly tried = new Promise<void>((resolve) => {
    this.#hasTried = resolve;
  });

  constructor(options: BusOptions) {
    this.#options = options;
  }

  /** Connects, and stays so. Does not wait for it. */
  start(): void {
    this.#running ??= this.#keep().catch((error: unknown) => this.#set(messageOf(error)));
  }

  /** Why nothing goes over it now, in words that follow "the bus:". Safe for a screen. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** While there is one. For what is more than to publish and to hear. */
  get connection(): NatsConnection | undefined {
    return this.#fault === undefined ? this.#connection : undefined;
  }

  /** From now on, over each connection. */
  hear(subject: string, heard: Heard): void {
    this.#heard.set(subject, heard);
    if (this.#connection) this.#subscribe(this.#connection, subject, heard);
  }

  /** @returns whether it was handed over: not that anybody has it */
  publish(subject: string, data: string): boolean {
    const { connection } = this;
    if (!connection) return false;
    try {
      connection.publish(subject, data);
      return true;
    } catch (error) {
      this.#set(messageOf(error));
      return false;
    }
  }

  /** Resolves once what was published is at the server. */
  async flush(): Promise<void> {
    await this.connection?.flush();
  }

  /** Also in the middle of one that is being made. Nothing is left of it then that keeps a process. */
  async close(): Promise<void> {
    this.#ended.abort();
    await this.#connection?.close().catch(() => {}); // it is gone already
    this.#socket.abort();
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ended;
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        const connection = await this.#connect();
        this.#connection = connection;
        if (signal.aborted) return await connection.close();
        this.#set(undefined);
        wait = FIRST_WAIT;
        for (const [subject, heard] of this.#heard) this.#subscribe(connection, subject, heard);
        this.#watch(connection).catch(() => {}); // closed() says the same
        const why = await connection.closed();
        this.#set(why ? this.#explained(why) : "the connection ended");
      } catch (error) {
        this.#set(this.#explained(error));
      }
      this.#connection = undefined;
      this.#socket.abort();
      // not all machines at once
      await sleep(wait * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => {});
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  async #connect(): Promise<NatsConnection> {
    const { servers, tls, name, credentials } = this.#options;
    const { connectHeld, credsAuthenticator, nkeyAuthenticator } = await import("./library.ts");
    const authenticator = (text: string): Authenticator => {
      const seed = seedOf(text);
      const bytes = new TextEncoder().encode(seed ?? text);
      return seed === undefined ? credsAuthenticator(bytes) : nkeyAuthenticator(bytes);
    };
    const server = await greeting(servers, PATIENCE, this.#ended.signal);
    this.#ended.signal.throwIfAborted();
    this.#socket = new AbortController();
    return connectHeld({
      over: this.#socket.signal,
      servers: [server],
      name,
      // all of it is done here, where what is published meanwhile is not kept to come late
      reconnect: false,
      timeout: PATIENCE,
      pingInterval: PING,
      maxPingOut: UNANSWERED,
      // it made two errors, with their stacks, for each request that has no fault
      noAsyncTraces: true,
      // nobody else hears the answers to what this one asks
      inboxPrefix: `_INBOX.${name}`,
      ...(credentials !== undefined && { authenticator: authenticator(readSecret(credentials)) }),
      ...(wantsTls(this.#options) && {
        tls: readTls(tls),
      }),
    });
  }

  /** What the server refuses is told, while the connection stays. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status())
      if (status.type === "error") this.#options.changed?.(`the bus: ${visible(messageOf(status.error))}`);
  }

  #subscribe(connection: NatsConnection, subject: string, heard: Heard): void {
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (!error) heard(message.data, message.subject);
      },
    });
  }

  /** What the server, or its certificate, was refused for, with what there is to be done. */
  #explained(error: unknown): string {
    const said = messageOf(error);
    const { credentials } = this.#options;
    if (credentials !== undefined && /authorization|authentication/i.test(said))
      return ranOut(credentials) ?? `the server does not take ${credentials} (${said})`;
    if (/certificate (?:is not yet valid|has expired)/.test(said))
      return `${said}, by the clock of this machine: ${new Date().toISOString()}`;
    return said;
  }

  #set(fault: string | undefined): void {
    const said = fault === undefined ? undefined : visible(fault, 200);
    if (said === this.#fault) return;
    this.#fault = said;
    this.#hasTried();
    this.#options.changed?.(said && `the bus: ${said}`);
  }
}

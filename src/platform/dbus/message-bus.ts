/**
 * A connection to a message bus of D-Bus. https://dbus.freedesktop.org/doc/dbus-specification.html
 *
 * Any client of a bus can send any signal, also straight to this connection, past all match rules. So a
 * signal counts only if it comes from the unique name that owns the service's name. The bus itself vouches
 * for unique names.
 *
 * The one file that imports dbus-native. It does so when a bus is used, as loading it takes longer than the
 * rest of a run's start. Of the libraries without native code it was chosen for three things: tests against
 * real buses, an end to each call when the connection is lost, and a limit on what it reads.
 */

import type { MessageBus as Client, Message } from "dbus-native";
import { hasCode } from "../../errors.ts";

const BUS = "org.freedesktop.DBus";

/** `type` of a message that is a signal. */
const SIGNAL = 4;

/** How long a call may take, in milliseconds: a service may have to be started first. */
const CALL_TIMEOUT = 5000;

/** How long a bus has to hang up, in milliseconds. */
const CLOSE_TIMEOUT = 1000;

const GONE = "the message bus is gone";

/** The longest message to read, in bytes. */
const MAX_MESSAGE = 1024 * 1024;

export interface Call {
  /** The name of who is called. */
  service: string;
  path: string;
  interface: string;
  member: string;
  /** Of the body. */
  signature?: string;
  body?: unknown[];
}

export interface Signal {
  path: string;
  member: string;
  body: unknown[];
}

export interface Following {
  service: string;
  interface: string;
  signal(signal: Signal): void;
  /** The service has another owner, or none: what the last one said holds no longer. */
  ownerChanged?(): void;
}

export class MessageBus {
  readonly #client: Client;
  readonly #closed: () => void;
  readonly #owners = new Map<string, string>();
  readonly #followers = new Set<Following>();
  #isClosed = false;

  private constructor(client: Client, closed: () => void) {
    this.#client = client;
    this.#closed = closed;
    client.connection.on("error", () => {}); // "close" follows
    client.connection.on("message", (message) => this.#receive(message));
    client.connection.on("close", () => this.#end());
  }

  /**
   * @param socket as of bus-address.ts
   * @param closed called when the connection is lost, or closed
   * @throws Error if nobody answers there
   */
  static async open(socket: string, closed: () => void): Promise<MessageBus> {
    const { createClient } = await import("dbus-native");
    // direct: where its own Hello fails, it throws at nobody
    const client = createClient({
      socket,
      direct: true,
      variants: "plain",
      plainValues: true,
      authMethods: ["EXTERNAL"],
      maxMessageSize: MAX_MESSAGE,
    });
    const bus = new MessageBus(client, closed);
    try {
      await bus.#ask("Hello");
      return bus;
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
  }

  /**
   * Resolves with the body of the reply. Rejects if there is none, or an error.
   * @param replied called with the body before anything is heard that came after it
   */
  call(
    { service: destination, signature, body, ...message }: Call,
    replied?: (body: unknown[]) => void,
  ): Promise<unknown[]> {
    const sent: Message = { destination, ...message, ...(signature !== undefined && { signature, body }) };
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error(GONE);
      this.#client.invoke(sent, { timeout: CALL_TIMEOUT }, (error, ...values) => {
        // "close" comes later, and whoever is told now may ask again at once
        if (error && isLoss(error)) this.#end();
        if (error) return reject(isLoss(error) ? new Error(GONE) : error);
        replied?.(values);
        resolve(values);
      });
    });
  }

  /** From here on hears what the service says, whoever owns its name by then. */
  async follow(following: Following): Promise<void> {
    const { service, interface: name } = following;
    this.#followers.add(following);
    await this.#match(
      `sender='${BUS}',interface='${BUS}',path='/org/freedesktop/DBus',member='NameOwnerChanged',arg0='${service}'`,
    );
    await this.#match(`sender='${service}',interface='${name}'`);
    const [owner] = await this.#ask("GetNameOwner", service).catch(() => []);
    // a change that came in the meantime is newer
    if (!this.#owners.has(service) && typeof owner === "string") this.#owners.set(service, owner);
  }

  /**
   * The unique name of who owns a service that is followed. Starts it if it can be started, and rejects
   * otherwise.
   */
  async ownerOf(service: string): Promise<string> {
    let fault: unknown;
    if (!this.#owners.get(service))
      await this.#ask("StartServiceByName", service, 0).catch((error: Error) => {
        fault = error;
      });
    const owner = this.#owners.get(service);
    if (!owner) throw fault ?? new Error(`nobody owns ${service}`);
    return owner;
  }

  isOwner(service: string, owner: string): boolean {
    return this.#owners.get(service) === owner;
  }

  /** The process behind a unique name, as it was when it connected. */
  async processOf(owner: string): Promise<number> {
    const [pid] = await this.#ask("GetConnectionUnixProcessID", owner);
    return Number(pid);
  }

  /** Says what was said so far, and hangs up if the bus does not. */
  async close(): Promise<void> {
    this.#end();
    const timer = setTimeout(() => this.#client.connection.stream.destroy(), CLOSE_TIMEOUT);
    await this.#client.close();
    clearTimeout(timer);
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closed();
  }

  #receive({ type, sender, path = "", interface: name, member = "", body = [] }: Message): void {
    if (type !== SIGNAL) return;
    if (sender === BUS && name === BUS && member === "NameOwnerChanged") this.#changeOwner(body);
    for (const { service, interface: wanted, signal } of this.#followers) {
      if (name === wanted && sender !== undefined && sender === this.#owners.get(service))
        signal({ path, member, body });
    }
  }

  #changeOwner([service, , owner]: unknown[]): void {
    if (typeof service !== "string" || typeof owner !== "string") return;
    this.#owners.set(service, owner);
    for (const following of this.#followers) if (following.service === service) following.ownerChanged?.();
  }

  #match(rule: string): Promise<unknown> {
    return this.#ask("AddMatch", `type='signal',${rule}`);
  }

  #ask(member: string, ...body: unknown[]): Promise<unknown[]> {
    const signature = body.map((value) => (typeof value === "number" ? "u" : "s")).join("");
    const call = { service: BUS, path: "/org/freedesktop/DBus", interface: BUS, member };
    return this.call(signature === "" ? call : { ...call, signature, body });
  }
}

/** Whether a call failed because the connection was lost. */
function isLoss(error: Error): boolean {
  return hasCode(error, "ECONNCLOSED");
}

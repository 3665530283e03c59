/** A notification server that a test or the bench plays. */
import type { MessageBus as Client } from "dbus-native";

export const NOTIFICATIONS = "org.freedesktop.Notifications";
const PATH = "/org/freedesktop/Notifications";

/** How long to wait for a client of the bus, in milliseconds. */
const PATIENCE = 20_000;

export interface Notified {
  id: number;
  replaces: number;
  title: string;
  text: string;
  /** Keys and labels in turn. */
  actions: string[];
  urgency: unknown;
}

/** A notification server that shows nothing, and presses and closes what a test wants. */
export class StubServer {
  readonly notified: Notified[] = [];
  readonly closed: number[] = [];
  /** What a notification's caller waits for before it hears its id. */
  busy: Promise<void> = Promise.resolve();
  readonly #client: Client;
  readonly #capabilities: readonly string[];
  #nextId = 100;
  readonly #waiting = new Set<() => void>();

  private constructor(client: Client, capabilities: readonly string[]) {
    this.#client = client;
    this.#capabilities = capabilities;
  }

  static async start(
    client: Client,
    capabilities: readonly string[] = ["actions", "body"],
  ): Promise<StubServer> {
    const server = new StubServer(client, capabilities);
    const handle = (member: string, signature: string, answer: (...body: never[]) => unknown): void =>
      client.setMethodCallHandler(PATH, NOTIFICATIONS, member, [answer, signature]);
    handle("GetCapabilities", "as", () => server.#capabilities);
    handle("Notify", "u", (...body) => server.#notify(body));
    handle("CloseNotification", "", (id: number) => server.#close(id));
    await client.requestName(NOTIFICATIONS, 0);
    return server;
  }

  async #notify([, replaces, , title, text, actions, hints]: unknown[]): Promise<number> {
    const urgency = new Map(hints as [string, unknown][]).get("urgency");
    const id = Number(replaces) || this.#nextId++;
    setImmediate(() => {
      // the reply has gone out, unless it is busy
      this.notified.push({ id, replaces, title, text, actions, urgency } as Notified);
      this.#tell();
    });
    await this.busy;
    return id;
  }

  #close(id: number): null {
    this.closed.push(id);
    this.dismiss(id, 3);
    this.#tell();
    return null;
  }

  /** The notification that it is sent as the first, second, third; waits for it. */
  async nth(count: number): Promise<Notified> {
    await this.#until(() => this.notified.length >= count, `notification ${count}`);
    return this.notified[count - 1] as Notified;
  }

  async isClosed(id: number): Promise<void> {
    await this.#until(() => this.closed.includes(id), `notification ${id} to be closed`);
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#tell();
    }, PATIENCE);
    while (!condition()) {
      if (isLate) throw new Error(`waited ${PATIENCE} ms in vain for ${what}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    clearTimeout(timer);
  }

  #tell(): void {
    for (const tell of this.#waiting) tell();
    this.#waiting.clear();
  }

  /** Presses the button with this label, or with this key if there is none. */
  press({ id, actions }: Notified, label: string): void {
    const key = actions[actions.indexOf(label) - 1] ?? label;
    this.#client.sendSignal(PATH, NOTIFICATIONS, "ActionInvoked", "us", [id, key]);
  }

  /** @param reason 2 is that the user did it */
  dismiss(id: number, reason = 2): void {
    this.#client.sendSignal(PATH, NOTIFICATIONS, "NotificationClosed", "uu", [id, reason]);
  }
}

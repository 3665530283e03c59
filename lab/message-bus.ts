/** A message bus of one's own, and what else a desktop has: notification servers, real and made up. */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MessageBus as Client, createClient, type Message } from "dbus-native";

const config = (socket: string): string => `<busconfig>
  <type>session</type>
  <listen>unix:path=${socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

type Start = (command: string, args: string[], options: SpawnOptions) => ChildProcess;

/** A dbus-daemon. */
export class PrivateBus {
  static #count = 0;
  readonly socket: string;
  readonly daemon: ChildProcess;
  readonly #clients: Client[] = [];

  private constructor(socket: string, daemon: ChildProcess) {
    this.socket = socket;
    this.daemon = daemon;
  }

  /** @param start starts the program */
  static async start(folder: string, start: Start = spawn): Promise<PrivateBus> {
    const socket = join(folder, `bus${PrivateBus.#count++}`);
    writeFileSync(`${socket}.conf`, config(socket));
    const args = [`--config-file=${socket}.conf`, "--nofork", "--print-address=1"];
    const daemon = start("dbus-daemon", args, { stdio: ["ignore", "pipe", "ignore"] });
    await firstLine(daemon);
    return new PrivateBus(socket, daemon);
  }

  get address(): string {
    return `unix:path=${this.socket}`;
  }

  /** Somebody else on the bus. */
  async client(): Promise<Client> {
    const client = createClient({ busAddress: this.address, variants: "plain" });
    client.connection.on("error", () => {}); // the bus was killed
    this.#clients.push(client);
    await client.getId(); // its name has come by then
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await endOf(this.daemon);
  }
}

/** What a program says first. Rejects if it ends before. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").once("data", (text: string) => resolve(text.trim()));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${child.spawnfile} ended with ${code}`)));
  });
}

export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

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

/** A signal that only this client gets, as anybody on the bus may send it. */
export function sendTo(client: Client, destination: string, signal: Omit<Message, "type" | "serial">): void {
  client.connection.message({ ...signal, destination, type: 4, serial: client.serial++ });
}

/** A screen that nobody sees. */
export class Screen {
  readonly display: string;
  readonly #server: ChildProcess;

  private constructor(display: string, server: ChildProcess) {
    this.display = display;
    this.#server = server;
  }

  static async start(size = "640x400x24"): Promise<Screen> {
    // it would start anew when its last client has gone, and drop one that comes meanwhile
    const args = ["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp", "-noreset"];
    const server = spawn("Xvfb", args, { stdio: ["ignore", "pipe", "ignore"] });
    return new Screen(`:${await firstLine(server)}`, server);
  }

  close(): Promise<void> {
    return endOf(this.#server);
  }
}

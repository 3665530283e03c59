/** A D-Bus of one's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type MessageBus as Client, createClient, type Message } from "dbus-native";
import { endOf, firstWords, type Start } from "../processes.ts";

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
  static async start(
    folder: string,
    start: Start = (command, args, options = {}) => spawn(command, args, options),
  ): Promise<PrivateBus> {
    const socket = join(folder, `bus${PrivateBus.#count++}`);
    writeFileSync(`${socket}.conf`, config(socket));
    const args = [`--config-file=${socket}.conf`, "--nofork", "--print-address=1"];
    const daemon = start("dbus-daemon", args, { stdio: ["ignore", "pipe", "ignore"] });
    await firstWords(daemon);
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

/** A signal that only this client gets, as anybody on the bus may send it. */
export function sendTo(client: Client, destination: string, signal: Omit<Message, "type" | "serial">): void {
  client.connection.message({ ...signal, destination, type: 4, serial: client.serial++ });
}

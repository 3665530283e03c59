/** A fleet: a real nats-server, as `muxguard fleet init` configures it, and machines with a home and a guard each. */
import type { ChildProcess } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { NatsConnection } from "@nats-io/transport-node";
import { ended, Lab, until } from "../lab.ts";
import { freePort, speaks } from "../network.ts";

/** How long one try to connect may take, in milliseconds. */
const ATTEMPT = 2000;

export class FleetLab extends Lab {
  readonly #machines: Lab[] = [];
  #server: ChildProcess | undefined;
  #port = 0;

  /** @param people by name; each gets a key of that name */
  async init(machines: readonly string[], people: readonly string[] = [], ...more: string[]): Promise<void> {
    this.#port = await freePort();
    const persons = people.map((name) => `${name}=${this.key(name)}.pub`);
    const words = ["--machine", ...machines, ...(people.length > 0 ? ["--person", ...persons] : [])];
    const made = await this.muxguard(
      "fleet",
      "init",
      this.path("fleet"),
      ...words,
      "--port",
      String(this.#port),
      ...more,
    );
    if (made.code !== 0) throw new Error(made.stderr);
  }

  /** Starts the server, or starts it again. */
  async startServerOfFleet(): Promise<void> {
    this.#server = this.start("nats-server", ["-c", this.serverConfig, "-l", this.path("nats.log")], {
      stdio: "ignore",
    });
    await until(() => speaks(this.#port), "nats-server");
  }

  /** Whatever it was doing. */
  async killServer(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const server = this.#server;
    server?.kill(signal);
    if (server) await ended(server);
  }

  /** It is there, and does nothing: as behind a network that lost it. */
  pauseServer(paused: boolean): void {
    this.#server?.kill(paused ? "SIGSTOP" : "SIGCONT");
  }

  get serverConfig(): string {
    return this.path("fleet/nats-server.conf");
  }

  get serverUrl(): string {
    return `tls://localhost:${this.#port}`;
  }

  /** Changes the server's configuration, and has it read it again. */
  reconfigure(change: (text: string) => string): void {
    writeFileSync(this.serverConfig, change(readFileSync(this.serverConfig, "utf8")), { mode: 0o600 });
    this.#server?.kill("SIGHUP");
  }

  /** Whoever has the server itself: may publish and hear all there is. */
  async hostile(): Promise<NatsConnection> {
    const { connectHeld, nkeyAuthenticator, nkeys } = await import("../../src/fleet/bus/library.ts");
    const pair = nkeys.createUser();
    this.reconfigure((text) => text.replace("users: [", `users: [\n      { nkey: ${pair.getPublicKey()} }`));
    const options = {
      servers: [this.serverUrl],
      authenticator: nkeyAuthenticator(pair.getSeed()),
      tls: { caFile: this.path("fleet/server.pem") },
      reconnect: false,
      // one that it was reading its configuration beside may be forgotten
      timeout: ATTEMPT,
    };
    let connection: NatsConnection | undefined;
    const attempt = async (): Promise<boolean> => {
      const over = new AbortController();
      connection = await connectHeld({ ...options, over: over.signal }).catch(() => undefined);
      if (connection === undefined) over.abort();
      return connection !== undefined;
    };
    await until(attempt, "the hostile connection");
    return connection as NatsConnection;
  }

  /** A machine's home, joined. @param person who answers there */
  async machine(name: string, person?: string, settings = "", lab = new Lab()): Promise<Lab> {
    this.#machines.push(lab);
    lab.config(settings);
    const folders = [`machine-${name}`, ...(person ? [`person-${person}`] : [])];
    for (const one of folders) cpSync(this.path(`fleet/${one}`), lab.path(one), { recursive: true });
    const joined = await lab.muxguard("fleet", "join", ...folders);
    if (joined.code !== 0) throw new Error(joined.stderr);
    for (const one of folders) rmSync(lab.path(one), { recursive: true });
    return lab;
  }

  /** From now on the machine knows one more key of somebody's. @param key the path of a private one */
  addSigner(lab: Lab, name: string, key: string): void {
    const path = "config/muxguard/fleet/allowed_signers";
    const line = readFileSync(`${key}.pub`, "utf8").trim();
    lab.write(path, `${readFileSync(lab.path(path), "utf8")}${name} ${line}\n`);
  }

  /** What is said there is signed with this public key from now on. */
  signWith(lab: Lab, key: string): void {
    const path = "config/muxguard/config.toml";
    const text = readFileSync(lab.path(path), "utf8");
    lab.write(path, text.replace(/person_key = .*/, `person_key = "${key}"`));
  }

  override async close(): Promise<void> {
    this.pauseServer(false);
    await Promise.all(this.#machines.map((lab) => lab.close()));
    await super.close();
  }
}

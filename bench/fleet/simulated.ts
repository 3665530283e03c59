/** A fleet on this machine: a real nats-server, as `muxguard fleet init` configures it, and many machines at it. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { freePort, speaks } from "../../lab/network.ts";
import { finished } from "../../lab/processes.ts";
import { MUXGUARD } from "../../lab/programs.ts";
import { Bus } from "../../src/fleet/bus/bus.ts";
import { personName } from "../../src/fleet/subjects.ts";
import { NODE } from "../as-ssh.ts";
import type { Lab } from "../lab.ts";
import { residentMemory } from "../load.ts";
import { type FromMachines, now, type ToMachines } from "./messages.ts";

/** Who answers, and signs what is for all. */
export const PERSON = "alice";
/** Machines whose guard is a whole one. */
const LOCALS = Array.from({ length: 20 }, (_, number) => `local${number}`);
/** Machines in one process. */
const TOGETHER = 100;
/** How long all of them may take for what they are told, in milliseconds. */
const PATIENCE = 180_000;

const program = join(import.meta.dirname, "fleet-machines.js"); // beside the bench in dist/

export class SimulatedFleet {
  readonly lab: Lab;
  readonly folder: string;
  readonly names: readonly string[];
  readonly #port: number;
  #processes: ChildProcess[] = [];
  #server: ChildProcess | undefined;
  #locals = 0;
  #heard: ((message: FromMachines) => void)[] = [];
  /** Why something of the bus did not count: how often. */
  readonly refused = new Map<string, number>();
  /** Why machines were without the bus: how often. */
  readonly faults = new Map<string, number>();

  private constructor(lab: Lab, folder: string, names: readonly string[], port: number) {
    this.lab = lab;
    this.folder = folder;
    this.names = names;
    this.#port = port;
  }

  /** Of so many machines, and the bench's key as its person's. Nothing is started. */
  static async init(lab: Lab, count: number): Promise<SimulatedFleet> {
    const names = Array.from({ length: count }, (_, number) => `m${number}`);
    const folder = join(lab.folder, "fleet");
    const port = await freePort();
    const words = ["--machine", ...names, ...LOCALS, "--person", `${PERSON}=${lab.keyFile}.pub`];
    await lab.runMuxguard(["fleet", "init", folder, ...words, "--port", String(port)], lab.environment());
    return new SimulatedFleet(lab, folder, names, port);
  }

  get url(): string {
    return `tls://localhost:${this.#port}`;
  }

  /** Resolves once it answers. */
  async startServer(): Promise<void> {
    const config = join(this.folder, "nats-server.conf");
    const log = join(this.folder, "nats.log");
    this.#server = this.lab.spawn("nats-server", ["-c", config, "-l", log], { stdio: "ignore" });
    while (!(await speaks(this.#port))) await sleep(20);
  }

  async killServer(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  }

  /** All of them. Those that `hear` only tell when a policy reaches them. */
  async startMachines(what: "hear" | "work"): Promise<void> {
    const connected = this.each("connected");
    for (let first = 0; first < this.names.length; first += TOGETHER) {
      const child = this.#start(first, Math.min(first + TOGETHER, this.names.length) - 1, what);
      child.on("message", (message) => this.#take(message as FromMachines));
      this.#processes.push(child);
    }
    await connected;
    await sleep(2000); // streams and buckets are opened
  }

  async endMachines(): Promise<void> {
    const ends = this.#processes.map((child) => once(child, "exit"));
    for (const child of this.#processes) child.kill();
    await Promise.all(ends);
    this.#processes = [];
  }

  /** What a machine takes, in MB. */
  async memory(): Promise<number> {
    const all = this.#processes.reduce((sum, { pid }) => sum + residentMemory(pid ?? 0), 0);
    const alone = this.#start(0, -1, "work");
    await sleep(1000);
    const without = residentMemory(alone.pid ?? 0);
    alone.kill();
    return (all - this.#processes.length * without) / this.names.length;
  }

  #start(first: number, last: number, what: "hear" | "work"): ChildProcess {
    const words = [program, this.folder, this.url, String(first), String(last), what];
    return this.lab.spawn(NODE, words, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  /** Each once. */
  nextLocal(): string {
    const name = LOCALS[this.#locals++];
    if (name === undefined) throw new Error("the bench starts more guards than it has names for");
    return name;
  }

  get processes(): number {
    return this.#processes.length;
  }

  get serverMemory(): number {
    return residentMemory(this.#server?.pid ?? 0);
  }

  tell(message: ToMachines): void {
    for (const child of this.#processes) child.send(message);
  }

  /** Resolves once all processes have written what they were told to. */
  async written(): Promise<void> {
    let left = this.#processes.length;
    await this.#until(
      (message) => message.is === "written" && --left === 0,
      () => `${left} processes`,
    );
  }

  /** Resolves once the server has told each machine that it has the whole of its log. */
  async sent(): Promise<void> {
    const end = now() + PATIENCE;
    const isBehind = (machine: string): boolean => {
      const own = join(this.folder, `machine-${machine}`);
      const { offset } = JSON.parse(readFileSync(join(own, "place.json"), "utf8")) as { offset: number };
      return offset < statSync(join(own, "log.jsonl")).size;
    };
    while (this.names.some(isBehind)) {
      if (now() > end) throw new Error(`the stream does not get what was written; ${counted(this.faults)}`);
      await sleep(200);
    }
  }

  /** @returns when each of so many machines said so */
  async each(what: "connected" | "policy" | "answered", count = this.names.length): Promise<number[]> {
    const found = new Map<string, number>();
    await this.#until(
      (message) => {
        if (message.is === what && !found.has(message.machine)) found.set(message.machine, message.at);
        return found.size >= count;
      },
      () => `${count - found.size} of ${count} machines: ${what}`,
    );
    return [...found.values()];
  }

  #until(isLast: (message: FromMachines) => boolean, missing: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#heard = this.#heard.filter((one) => one !== heard);
      };
      const heard = (message: FromMachines): void => {
        if (!isLast(message)) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`still waits for ${missing()}; ${counted(this.faults)}; ${counted(this.refused)}`));
      }, PATIENCE);
      this.#heard.push(heard);
    });
  }

  #take(message: FromMachines): void {
    if (message.is === "refused") this.remark(message.reason);
    else if (message.is === "fault") countOne(this.faults, message.reason);
    for (const heard of this.#heard) heard(message);
  }

  /** Of something that did not count. */
  remark(reason: string): void {
    countOne(this.refused, reason);
  }

  /** The lines of a machine's own log. */
  linesOf(machine: string): string[] {
    const text = readFileSync(join(this.folder, `machine-${machine}`, "log.jsonl"), "utf8");
    return text.split("\n").filter((line) => line !== "");
  }

  /** @returns the code with which `muxguard log --fleet` ends, which verifies all chains and seals */
  async verified(): Promise<number | null> {
    const config = [
      "[fleet]",
      ...[`servers = "${this.url}"`, `machine = "watcher"`, `ca = "${join(this.folder, "server.pem")}"`],
      `signers = "${join(this.folder, `machine-${LOCALS[0]}`, "allowed_signers")}"`,
      `person = "${PERSON}"`,
      `person_credentials = "${join(this.folder, `person-${PERSON}`, "person.nk")}"`,
    ].join("\n");
    const env = this.lab.environment({ config });
    const child = this.lab.spawn(NODE, [MUXGUARD, "log", "--fleet", "-n", "1"], {
      env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const { code, stderr } = await finished(child);
    if (code !== 0) process.stderr.write(stderr.slice(0, 2000));
    return code;
  }

  /** As the person. Resolves once it is connected. */
  async personBus(changed: (fault: string | undefined) => void = () => {}): Promise<Bus> {
    const ca = join(this.folder, "server.pem");
    const credentials = join(this.folder, `person-${PERSON}`, "person.nk");
    const name = personName(PERSON);
    const bus = new Bus({ servers: [this.url], tls: { ca }, name, credentials, changed });
    bus.start();
    const end = now() + PATIENCE;
    while (!bus.connection && now() < end) await sleep(20);
    return bus;
  }

  async connection(): Promise<NatsConnection> {
    const { connection } = await this.personBus();
    if (!connection) throw new Error("the person does not get to the bus");
    return connection;
  }

  close(): void {
    for (const child of this.#processes) child.kill();
    this.#server?.kill();
  }
}

function countOne(reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
}

/** What was counted, in words. */
export function counted(reasons: ReadonlyMap<string, number>): string {
  return [...reasons].map(([reason, times]) => `${times} × ${reason}`).join("; ") || "nothing";
}
